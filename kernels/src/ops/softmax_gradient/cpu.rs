//! CPU twin of [`super::SoftmaxGradient`].

use super::SoftmaxGradient;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &SoftmaxGradient, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols().max(1);
    let rows = cx.inputs[0].f32().chunks_exact(n).zip(cx.inputs[1].f32().chunks_exact(n));
    for ((y, dy), dx) in rows.zip(cx.outputs[0].data.chunks_exact_mut(n)) {
        let mean: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = y * (dy - mean);
        }
    }
}
