//! CPU twin of [`super::Accumulate`].

use super::Accumulate;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Accumulate, cx: &mut Context<'_>) {
    for (sum, x) in cx.outputs[0].data.iter_mut().zip(cx.inputs[0].f32()) {
        *sum += x;
    }
}
