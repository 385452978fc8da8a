//! Gradient of [`super::Scale`]: dy, with the same box times the same factor.

use super::Scale;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Scale, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    Ok(vec![Some(recorder.scale(up.gradient, op.clone())?)])
}
