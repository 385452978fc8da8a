//! CPU twin of [`super::AttentionRecomputed`]: a block of a head's pattern at a time.

use super::AttentionRecomputed;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};
use crate::ops::attention::cpu::{Maps, drop_cells};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionRecomputed, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionRecomputed,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op: AttentionRecomputed { of: op }, cx } = self;
        let maps = Maps::new(op, cx.isa, cx.inputs);
        let layout = maps.layout;
        let v = cx.inputs[2].f32();
        let [n_rows, n_cols] = layout.extents;
        let [z, stats] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
        for map in cx.part.of(op.n_sequences * op.n_heads) {
            let v = Matrix::rows(&v[layout.key(map)..], layout.k_stride());
            for rows in layout.blocks() {
                let (n, first) = (rows.len(), map * n_rows + rows.start);
                let last = op.end(rows.end - 1, layout.extents);
                let stats = &mut stats.data[first * 2..][..n * 2];
                let z = &mut z.data[layout.query(map, rows.start)..];
                let cells = cx.scratch.slopes.floats_mut(n * n_cols);
                maps.fill(s, map, rows, &mut cx.scratch.gemm, (&mut *cells, stats));
                let weights = match maps.seed {
                    None => &*cells,
                    Some(seed) => {
                        let dropped = cx.scratch.dropped.floats_mut(n * n_cols);
                        drop_cells(op, seed, first * n_cols, cells, dropped);
                        &*dropped
                    }
                };
                let weights = Matrix::rows(weights, n_cols);
                let to = (z, layout.q_stride());
                gemm(cx.isa, [weights, v], [n, op.d_head, last], &mut cx.scratch.gemm, to, false);
            }
        }
    }
}
