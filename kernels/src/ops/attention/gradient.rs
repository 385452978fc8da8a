//! Gradients of [`super::Attention`], in [`crate::ops::attention_gradient`].

use super::Attention;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Attention, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let [shown, bias, distances, seed] = op.given.split(&up.inputs[3..]);
    let is_wanted = |id: Option<_>| {
        let idx = up.inputs.iter().position(|input| Some(*input) == id);
        idx.filter(|&idx| up.wanted[idx]).and(id)
    };
    let operands = [up.gradient, up.inputs[0], up.inputs[1], up.inputs[2], up.outputs[2]];
    let given = super::Given { shown, bias: is_wanted(bias), distances: is_wanted(distances), seed };
    let all = recorder.attention_gradient(operands, given, *op)?;
    let beside = [shown.map(|_| None), bias.map(|_| all.bias), distances.map(|_| all.distances)];
    let mut gradients: Vec<_> = all.qkv.into_iter().map(Some).collect();
    gradients.extend(beside.into_iter().flatten());
    gradients.extend(seed.map(|_| None));
    Ok(gradients)
}
