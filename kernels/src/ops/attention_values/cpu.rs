//! CPU twin of [`super::AttentionValues`].

use super::AttentionValues;
use crate::engine::cpu::Context;
use crate::engine::cpu::attention::{self, HeadRows};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionValues, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionValues,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let (pattern, v) = (cx.inputs[0].f32(), cx.inputs[1].f32());
        let dims = cx.inputs[0].shape;
        let (n_map_rows, n_keys) = (dims.dims()[1], dims.dims()[2]);
        let n_rows = cx.outputs[0].shape.n_rows();
        let past = cx.step.past as usize;
        let first_row = if op.pattern_in_state { past } else { 0 };
        let n_filled = if op.values_in_state { (past + n_rows).min(n_keys) } else { n_keys };
        let (group, d) = (op.n_heads / op.n_kv_heads, op.d_head);
        let z = &mut *cx.outputs[0].data; // [T, n_heads * d_head]
        let z_cols = op.n_heads * d;
        for head in cx.part.of(op.n_heads) {
            let v = HeadRows {
                all: v,
                stride: op.n_kv_heads * d,
                column: head / group * d,
                d,
            };
            for first in (0..n_rows).step_by(S::TILE) {
                let size = S::TILE.min(n_rows - first);
                attention::weighted(
                    s,
                    (&pattern[(head * n_map_rows + first_row + first) * n_keys..], n_keys),
                    [size, n_filled],
                    v,
                    &mut cx.scratch.attention,
                    (&mut z[first * z_cols..], z_cols, head * d),
                );
            }
        }
    }
}
