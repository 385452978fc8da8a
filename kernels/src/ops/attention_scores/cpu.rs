//! CPU twin of [`super::AttentionScores`].

use super::AttentionScores;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &AttentionScores, cx: &mut Context<'_>) {
    let (q, k) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    let (n_rows, n_keys) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_rows());
    let (q_cols, k_cols) = (op.n_heads * op.d_head, op.n_kv_heads * op.d_head);
    let n_filled = op.n_filled(n_rows, n_keys, cx.step);
    let group = op.n_heads / op.n_kv_heads;
    let scores = &mut *cx.outputs[0].data; // [n_heads, T, S]
    for head in 0..op.n_heads {
        for t in 0..n_rows {
            let q = &q[t * q_cols + head * op.d_head..][..op.d_head];
            let row = &mut scores[(head * n_rows + t) * n_keys..][..n_keys];
            for (j, score) in row.iter_mut().enumerate() {
                *score = if j < n_filled {
                    let k = &k[j * k_cols + head / group * op.d_head..][..op.d_head];
                    op.scale * q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>()
                } else {
                    0.0
                };
            }
        }
    }
}
