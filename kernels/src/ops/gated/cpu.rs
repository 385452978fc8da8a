//! CPU twin of [`super::Gated`].

use super::Gated;
use crate::engine::cpu::Context;
use crate::ops::activation;

pub(crate) fn run(op: &Gated, cx: &mut Context<'_>) {
    activation::cpu::run(&op.activation, cx);
    for (y, up) in cx.outputs[0].data.iter_mut().zip(cx.inputs[1].f32()) {
        *y *= up;
    }
}
