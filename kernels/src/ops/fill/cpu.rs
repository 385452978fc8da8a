//! CPU twin of [`super::Fill`].

use super::Fill;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Fill, cx: &mut Context<'_>) {
    cx.outputs[0].data.fill(op.value);
}
