//! Gradient of [`super::FeatureMap`], in [`crate::ops::feature_map_gradient`]; ω is drawn, not learnt.

use super::FeatureMap;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &FeatureMap, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let omega = up.inputs.get(1).copied();
    let fits = !up.wanted.get(1).is_some_and(|wanted| *wanted);
    recorder.expect(fits, "feature_map", up.inputs, || "no gradient of ω".to_owned())?;
    let dx = recorder.feature_map_gradient(up.inputs[0], [up.outputs[0], up.gradient], omega, *op)?;
    let mut gradients = vec![Some(dx)];
    gradients.extend(omega.map(|_| None));
    Ok(gradients)
}
