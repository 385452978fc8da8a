//! Gradient of [`super::CrossEntropy`], in [`crate::ops::cross_entropy_gradient`].

use super::CrossEntropy;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(
    op: &CrossEntropy,
    up: &Upstream<'_>,
    recorder: &mut Recorder,
) -> Gradients {
    let operands = [up.inputs[0], up.inputs[1], up.outputs[1], up.gradient];
    Ok(vec![Some(recorder.cross_entropy_gradient(operands, *op)?), None])
}
