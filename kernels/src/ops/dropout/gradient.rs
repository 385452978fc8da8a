//! Gradient of [`super::Dropout`]: dy, with the same values dropped.

use super::Dropout;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Dropout, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    Ok(vec![Some(recorder.dropout(up.gradient, up.inputs[1], *op)?), None])
}
