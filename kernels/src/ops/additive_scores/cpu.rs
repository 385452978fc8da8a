//! CPU twin of [`super::AdditiveScores`].

use super::AdditiveScores;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &AdditiveScores, cx: &mut Context<'_>) {
    let (q, k, v) = (cx.inputs[0].f32(), cx.inputs[1].f32(), cx.inputs[2].f32());
    let (a, n_keys) = (cx.inputs[0].shape.n_cols(), cx.inputs[1].shape.n_rows());
    let scores = cx.outputs[0].data.chunks_exact_mut(n_keys.max(1));
    for (q, scores) in q.chunks_exact(a).zip(scores) {
        for (k, score) in k.chunks_exact(a).zip(scores) {
            *score = q.iter().zip(k).zip(v).map(|((q, k), v)| v * (q + k).tanh()).sum();
        }
    }
}
