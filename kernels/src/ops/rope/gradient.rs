//! Gradient of [`super::Rope`]: dy, turned back.

use super::Rope;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Rope, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let back = Rope { inverse: !op.inverse, ..*op };
    let factors = up.inputs.get(2).copied();
    let dx = recorder.rope(up.gradient, up.inputs[1], factors, back)?;
    Ok([Some(dx), None, None].into_iter().take(up.inputs.len()).collect())
}
