//! CPU twin of [`super::HeadDots`].

use super::HeadDots;
use crate::engine::cpu::Context;
use crate::ops::gru::cpu::dot;

pub(crate) fn run(op: &HeadDots, cx: &mut Context<'_>) {
    let d = (cx.inputs[0].shape.n_cols() / op.n_heads).max(1);
    let heads = cx.inputs[0].f32().chunks_exact(d).zip(cx.inputs[1].f32().chunks_exact(d));
    for ((x, y), sum) in heads.zip(&mut *cx.outputs[0].data) {
        *sum = dot(x, y);
    }
}
