//! Gradients of [`super::RmsNorm`], in [`crate::ops::norm_gradient`].

use super::RmsNorm;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &RmsNorm, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let operands = [up.inputs[0], up.gradient, up.outputs[1]];
    let gain = op.has_gain.then(|| up.inputs[1]);
    let all = recorder.norm_gradient(operands, gain, false)?;
    let of_gain = op.has_gain.then_some(Some(all.gain));
    Ok([Some(Some(all.x)), of_gain].into_iter().flatten().collect())
}
