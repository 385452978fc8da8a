//! CPU twin of [`super::Normalise`].

use super::Normalise;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Normalise, cx: &mut Context<'_>) {
    let factor = 1.0 / (cx.inputs[1].f32()[0].sqrt() + op.eps);
    for (y, x) in cx.outputs[0].data.iter_mut().zip(cx.inputs[0].f32()) {
        *y = x * factor;
    }
}
