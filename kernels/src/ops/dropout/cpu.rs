//! CPU twin of [`super::Dropout`].

use super::Dropout;
use super::philox::masks;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Dropout, cx: &mut Context<'_>) {
    let (x, seed) = (cx.inputs[0].f32(), cx.indices(1));
    let y = &mut *cx.outputs[0].data;
    masks(0, op.stream, [seed[0], seed[1]], (op.threshold(), op.factor()), y);
    y.iter_mut().zip(x).for_each(|(y, x)| *y *= x);
}
