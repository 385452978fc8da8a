//! CPU twin of [`super::AttentionFlash`]: the same blocks in the same order.

use super::AttentionFlash;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};
use crate::engine::cpu::softmax::softmax_row;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionFlash, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionFlash,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let heads = op.heads;
        let d = heads.d_head;
        let [q, k, v] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
        let tiles = op.has_tiles.then(|| cx.indices(3));
        let extents = [0, 1].map(|idx| cx.inputs[idx].shape.n_rows());
        let [n_rows, n_keys] = extents;
        let [n_blocks, n_across] = op.n_blocks(extents);
        let (q_cols, kv_cols) = (heads.n_heads * d, heads.n_kv_heads * d);
        let scratch = &mut *cx.scratch;
        let [z, stats] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
        for head in cx.part.of(heads.n_heads) {
            let kv_col = head / (heads.n_heads / heads.n_kv_heads) * d;
            for block in 0..n_blocks {
                let first = block * op.block_rows;
                let size = op.block_rows.min(n_rows - first);
                let own = first * q_cols + head * d;
                let z = &mut z.data[own..];
                let stats = &mut stats.data[(head * n_rows + first) * 2..][..size * 2];
                for (row, stats) in z.chunks_mut(q_cols).zip(stats.chunks_exact_mut(2)) {
                    row[..d].fill(0.0);
                    stats.copy_from_slice(&[f32::NEG_INFINITY, 0.0]);
                }
                for pass in 0..op.n_passing(block, extents) {
                    if tiles.is_some_and(|tiles| tiles[block * n_across + pass] == 0) {
                        continue;
                    }
                    let start = pass * op.block_keys;
                    let width = op.block_keys.min(n_keys - start);
                    let at = start * kv_cols + kv_col;
                    let cells = scratch.cells.floats_mut(size * width);
                    let q = Matrix::rows(&q[own..], q_cols);
                    let k = Matrix::rows(&k[at..], kv_cols).turned();
                    let shape = [size, width, d];
                    gemm(cx.isa, [q, k], shape, &mut scratch.gemm, (&mut *cells, width), false);
                    for (t, row) in cells.chunks_exact_mut(width).enumerate() {
                        let end = match op.causal {
                            true => first + t + 1 + n_keys - n_rows,
                            false => n_keys,
                        };
                        let (row, hidden) = row.split_at_mut(end.saturating_sub(start).min(width));
                        hidden.fill(0.0);
                        row.iter_mut().for_each(|cell| *cell *= heads.scale);
                        // The tile's own pattern, maximum and sum; then what each side weighs.
                        let (own_highest, own_sum) = softmax_row(s, row, None);
                        if own_sum == 0.0 {
                            continue;
                        }
                        let [before, sum] = [stats[2 * t], stats[2 * t + 1]];
                        let now = before.max(own_highest);
                        let decay = (before - now).exp();
                        let own_sum = own_sum * (own_highest - now).exp();
                        row.iter_mut().for_each(|cell| *cell *= own_sum);
                        z[t * q_cols..][..d].iter_mut().for_each(|cell| *cell *= decay);
                        stats[2 * t..][..2].copy_from_slice(&[now, sum * decay + own_sum]);
                    }
                    let cells = Matrix::rows(cells, width);
                    let v = Matrix::rows(&v[at..], kv_cols);
                    let shape = [size, d, width];
                    gemm(cx.isa, [cells, v], shape, &mut scratch.gemm, (&mut *z, q_cols), true);
                }
                for (row, stats) in z.chunks_mut(q_cols).zip(stats.chunks_exact(2)) {
                    if stats[1] > 0.0 {
                        row[..d].iter_mut().for_each(|cell| *cell /= stats[1]);
                    }
                }
            }
        }
    }
}
