//! Gradient of [`super::Activation`], in [`crate::ops::activation_gradient`].

use super::Activation;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Activation, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    Ok(vec![Some(recorder.activation_gradient(up.inputs[0], up.gradient, *op)?)])
}
