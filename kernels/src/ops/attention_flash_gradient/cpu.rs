//! CPU twin of [`super::AttentionFlashGradient`]: the same tiles in the same order.

use super::AttentionFlashGradient;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};

pub(crate) fn run(op: &AttentionFlashGradient, cx: &mut Context<'_>) {
    let (of, d) = (op.of, op.of.heads.d_head);
    let [dz, z, stats, q, k, v] = [0, 1, 2, 3, 4, 5].map(|idx| cx.inputs[idx].f32());
    let extents @ [n_rows, n_keys] = [3, 4].map(|idx| cx.inputs[idx].shape.n_rows());
    let cols = of.heads.n_heads * d;
    let scratch = &mut *cx.scratch;
    let [dq, dk, dv, rows] = &mut *cx.outputs else { unreachable!("four outputs by the rule") };
    for head in cx.part.of(of.heads.n_heads) {
        let column = head * d;
        for gradient in [&mut *dq.data, &mut *dk.data, &mut *dv.data] {
            gradient.chunks_mut(cols).for_each(|row| row[column..][..d].fill(0.0));
        }
        let stats = &stats[head * n_rows * 2..][..n_rows * 2];
        let rows = &mut rows.data[head * n_rows * 3..][..n_rows * 3];
        for (t, (row, stats)) in rows.chunks_exact_mut(3).zip(stats.chunks_exact(2)).enumerate() {
            let [dz, z] = [dz, z].map(|all| &all[t * cols + column..][..d]);
            row[..2].copy_from_slice(stats);
            row[2] = dz.iter().zip(z).map(|(dz, z)| dz * z).sum();
        }
        for [block, key_block] in op.tiles(extents) {
            let (first, start) = (block * of.block_rows, key_block * of.block_keys);
            let (size, width) = (of.block_rows.min(n_rows - first), of.block_keys.min(n_keys - start));
            let (own, at) = (first * cols + column, start * cols + column);
            let matrix = |all| Matrix::rows(all, cols);
            let cells = scratch.cells.floats_mut(size * width);
            let slopes = scratch.slopes.floats_mut(size * width);
            // P, from the statistics that were kept.
            let factors = [matrix(&q[own..]), matrix(&k[at..]).turned()];
            gemm(cx.isa, factors, [size, width, d], &mut scratch.gemm, (&mut *cells, width), false);
            let of_block = rows[first * 3..].chunks_exact(3);
            for (t, (cells, own)) in cells.chunks_exact_mut(width).zip(of_block).enumerate() {
                let end = if of.causal { first + t + 1 + n_keys - n_rows } else { n_keys };
                let n_seen = end.saturating_sub(start).min(width);
                for (key, cell) in cells.iter_mut().enumerate() {
                    let is_seen = key < n_seen && own[1] > 0.0;
                    *cell = if is_seen { (of.heads.scale * *cell - own[0]).exp() / own[1] } else { 0.0 };
                }
            }
            let pattern = Matrix::rows(&*cells, width);
            let factors = [pattern.turned(), matrix(&dz[own..])];
            let out = (&mut dv.data[at..], cols);
            gemm(cx.isa, factors, [width, d, size], &mut scratch.gemm, out, true);
            // dS
            let factors = [matrix(&dz[own..]), matrix(&v[at..]).turned()];
            gemm(cx.isa, factors, [size, width, d], &mut scratch.gemm, (&mut *slopes, width), false);
            let of_block = rows[first * 3..].chunks_exact(3);
            let of_rows = slopes.chunks_exact_mut(width).zip(cells.chunks_exact(width));
            for ((slopes, cells), own) in of_rows.zip(of_block) {
                for (slope, share) in slopes.iter_mut().zip(cells) {
                    *slope = of.heads.scale * share * (*slope - own[2]);
                }
            }
            let slopes = Matrix::rows(&*slopes, width);
            let out = (&mut dq.data[own..], cols);
            gemm(cx.isa, [slopes, matrix(&k[at..])], [size, d, width], &mut scratch.gemm, out, true);
            let out = (&mut dk.data[at..], cols);
            let factors = [slopes.turned(), matrix(&q[own..])];
            gemm(cx.isa, factors, [width, d, size], &mut scratch.gemm, out, true);
        }
    }
}
