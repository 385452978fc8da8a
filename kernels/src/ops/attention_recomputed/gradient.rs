//! Gradients of [`super::AttentionRecomputed`], in [`crate::ops::attention_recomputed_gradient`].

use super::AttentionRecomputed;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(
    op: &AttentionRecomputed,
    up: &Upstream<'_>,
    recorder: &mut Recorder,
) -> Gradients {
    let fits = !up.wanted[3..].contains(&true);
    recorder.expect(fits, "attention_recomputed", up.inputs, || {
        "no gradient of a bias: attention with its pattern has it".to_owned()
    })?;
    let all = recorder.attention_recomputed_gradient(
        [up.gradient, up.outputs[0], up.outputs[1]],
        up.inputs,
        op.of,
    )?;
    let mut gradients = vec![None; up.inputs.len()];
    gradients.iter_mut().zip(all).for_each(|(gradient, id)| *gradient = Some(id));
    Ok(gradients)
}
