//! CPU twin of [`super::OpName`].

use super::OpName;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &OpName, cx: &mut Context<'_>) {
    for (y, x) in cx.outputs[0].data.iter_mut().zip(cx.inputs[0].f32()) {
        *y = x * x;
    }
}
