//! Gradients of [`super::LayerNorm`], in [`crate::ops::norm_gradient`].

use super::LayerNorm;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &LayerNorm, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let operands = [up.inputs[0], up.gradient, up.outputs[1]];
    let gain = op.has_gain.then(|| up.inputs[1]);
    let all = recorder.norm_gradient(operands, gain, true)?;
    let of_gain = op.has_gain.then_some(Some(all.gain));
    let of_bias = op.has_bias.then_some(Some(all.bias));
    Ok([Some(Some(all.x)), of_gain, of_bias].into_iter().flatten().collect())
}
