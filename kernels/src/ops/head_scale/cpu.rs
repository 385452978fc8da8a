//! CPU twin of [`super::HeadScale`].

use super::HeadScale;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &HeadScale, cx: &mut Context<'_>) {
    let d = (cx.inputs[0].shape.n_cols() / cx.inputs[1].shape.n_cols().max(1)).max(1);
    let heads = cx.inputs[0].f32().chunks_exact(d).zip(cx.inputs[1].f32());
    for ((x, s), y) in heads.zip(cx.outputs[0].data.chunks_exact_mut(d)) {
        match op {
            HeadScale::Times => y.iter_mut().zip(x).for_each(|(y, x)| *y = x * s),
            HeadScale::Over(eps) => y.iter_mut().zip(x).for_each(|(y, x)| *y = x / (s + eps)),
        }
    }
}
