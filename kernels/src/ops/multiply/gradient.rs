//! Gradients of [`super::Multiply`]: da = dy·b, db = dy·a.

use super::Multiply;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(_: &Multiply, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (a, b, dy) = (up.inputs[0], up.inputs[1], up.gradient);
    Ok(vec![
        up.wanted_by(0, recorder, |recorder| recorder.multiply(dy, b))?,
        up.wanted_by(1, recorder, |recorder| recorder.multiply(dy, a))?,
    ])
}
