//! CPU twin of [`super::AttentionScores`].

use super::AttentionScores;
use crate::engine::cpu::Context;
use crate::engine::cpu::attention::{self, HeadRows};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionScores, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

impl AttentionScores {
    /// The rows of query head `head` in q, and of the head it shares in k or v.
    #[inline(always)]
    pub(crate) fn query_rows<'a>(&self, q: &'a [f32], head: usize) -> HeadRows<'a> {
        let d = self.d_head;
        HeadRows { all: q, stride: self.n_heads * d, column: head * d, d }
    }

    /// The rows of key or value head `head`.
    #[inline(always)]
    pub(crate) fn key_rows<'a>(&self, k: &'a [f32], head: usize) -> HeadRows<'a> {
        let d = self.d_head;
        HeadRows { all: k, stride: self.n_kv_heads * d, column: head * d, d }
    }
}

struct Heads<'a, 'b> {
    op: &'a AttentionScores,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let (q, k) = (cx.inputs[0].f32(), cx.inputs[1].f32());
        let (n_rows, n_keys) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_rows());
        let n_filled = op.n_filled(n_rows, n_keys, cx.step);
        let group = op.n_heads / op.n_kv_heads;
        let scores = &mut *cx.outputs[0].data; // [n_heads, T, S]
        for head in cx.part.of(op.n_heads) {
            let rows = &mut scores[head * n_rows * n_keys..][..n_rows * n_keys];
            let heads = [op.query_rows(q, head), op.key_rows(k, head / group)];
            attention::scores(
                s,
                heads,
                op.scale,
                [n_rows, n_filled],
                &mut cx.scratch.attention,
                (rows, n_keys),
            );
            for row in rows.chunks_exact_mut(n_keys.max(1)) {
                row[n_filled..].fill(0.0);
            }
        }
    }
}
