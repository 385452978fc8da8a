//! CPU twin of [`super::Activation`].

use super::Activation;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Activation, cx: &mut Context<'_>) {
    for (y, &x) in cx.outputs[0].data.iter_mut().zip(cx.inputs[0].f32()) {
        *y = op.apply(x);
    }
}
