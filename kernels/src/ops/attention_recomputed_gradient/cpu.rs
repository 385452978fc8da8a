//! CPU twin of [`super::AttentionRecomputedGradient`]: a block of a head's pattern at a time.

use super::AttentionRecomputedGradient;
use crate::engine::cpu::Context;
use crate::ops::attention::cpu::Maps;
use crate::ops::attention_gradient::cpu::{Backward, Block};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionRecomputedGradient, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionRecomputedGradient,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op: AttentionRecomputedGradient { of: op }, cx } = self;
        let maps = Maps::new(op, cx.isa, &cx.inputs[3..]);
        let layout = maps.layout;
        let [dz, q, k, v] = [0, 3, 4, 5].map(|idx| cx.inputs[idx].f32());
        let n_cols = layout.extents[1];
        let [dq, dk, dv, _] = &mut *cx.outputs else { unreachable!("four outputs") };
        if cx.part.idx == 0 {
            dk.data.fill(0.0);
            dv.data.fill(0.0);
        }
        let scratch = &mut *cx.scratch;
        let mut backward = Backward {
            op,
            isa: cx.isa,
            layout,
            operands: [dz, q, k, v],
            seed: maps.seed,
            outputs: [&mut *dq.data, &mut *dk.data, &mut *dv.data],
            slopes: &mut scratch.slopes,
            dropped: &mut scratch.dropped,
        };
        for map in cx.part.of(op.n_sequences * op.n_heads) {
            for rows in layout.blocks() {
                let cells = scratch.cells.floats_mut(rows.len() * n_cols);
                let stats = scratch.stats.floats_mut(rows.len() * 2);
                maps.fill(s, map, rows.clone(), &mut scratch.gemm, (&mut *cells, stats));
                let block = Block { map, rows, cells };
                backward.block(block, &mut scratch.gemm, &mut |_, _, _| ());
            }
        }
    }
}
