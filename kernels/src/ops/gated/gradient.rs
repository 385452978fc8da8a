//! Gradients of [`super::Gated`], in [`crate::ops::gated_gradient`].

use super::Gated;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Gated, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let operands = [up.inputs[0], up.inputs[1], up.gradient];
    Ok(recorder.gated_gradient(operands, op.activation)?.map(Some).to_vec())
}
