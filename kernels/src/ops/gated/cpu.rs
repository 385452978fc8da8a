//! CPU twin of [`super::Gated`].

use super::Gated;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Gated, cx: &mut Context<'_>) {
    let (gate, up) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    for ((y, &gate), &up) in cx.outputs[0].data.iter_mut().zip(gate).zip(up) {
        *y = op.activation.apply(gate) * up;
    }
}
