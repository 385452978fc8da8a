//! Gradient of [`super::PolicyLoss`] by the logits, in [`crate::ops::policy_loss_gradient`].

use super::PolicyLoss;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(_: &PolicyLoss, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let fits = !up.wanted[2] && !up.wanted[3];
    recorder.expect(fits, "policy_loss", up.inputs, || "a gradient by the logits".to_owned())?;
    let operands = [up.inputs[0], up.inputs[1], up.outputs[1], up.gradient];
    let of_logits = recorder.policy_loss_gradient(operands)?;
    Ok(vec![Some(of_logits), None, None, None])
}
