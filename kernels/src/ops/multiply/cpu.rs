//! CPU twin of [`super::Multiply`].

use super::Multiply;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Multiply, cx: &mut Context<'_>) {
    let (a, b) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    for ((y, a), b) in cx.outputs[0].data.iter_mut().zip(a).zip(b) {
        *y = a * b;
    }
}
