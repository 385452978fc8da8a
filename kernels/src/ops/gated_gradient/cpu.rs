//! CPU twin of [`super::GatedGradient`].

use super::GatedGradient;
use crate::engine::cpu::Context;
use crate::ops::activation::cpu::Values;
use crate::ops::activation_gradient::cpu::Slopes;

pub(crate) fn run(op: &GatedGradient, cx: &mut Context<'_>) {
    let [gate, up, dy] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let [dgate, dup] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    cx.isa.run(Slopes { op: op.activation, x: gate, y: &mut *dgate.data });
    for ((dgate, up), dy) in dgate.data.iter_mut().zip(up).zip(dy) {
        *dgate *= up * dy;
    }
    cx.isa.run(Values { op: op.activation, x: gate, y: &mut *dup.data });
    for (dup, dy) in dup.data.iter_mut().zip(dy) {
        *dup *= dy;
    }
}
