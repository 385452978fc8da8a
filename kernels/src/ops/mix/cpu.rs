//! CPU twin of [`super::Mix`].

use super::Mix;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Mix, cx: &mut Context<'_>) {
    let (x, y) = (cx.inputs[0].f32(), cx.outputs[0].data.iter_mut());
    match cx.inputs.get(1) {
        Some(z) => {
            for ((y, x), z) in y.zip(x).zip(z.f32()) {
                *y = op.a * x + op.b * z;
            }
        }
        None => y.zip(x).for_each(|(y, x)| *y = op.a * x),
    }
}
