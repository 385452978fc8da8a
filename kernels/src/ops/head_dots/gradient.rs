//! Gradients of [`super::HeadDots`]: each factor's is the other, scaled head by head.

use super::HeadDots;
use crate::backward::{Gradients, Upstream};
use crate::ops::head_scale::HeadScale;
use crate::recording::Recorder;

pub(crate) fn gradients(_: &HeadDots, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (x, y, ds) = (up.inputs[0], up.inputs[1], up.gradient);
    let dx = up.wanted_by(0, recorder, |recorder| recorder.head_scale(y, ds, HeadScale::Times))?;
    let dy = up.wanted_by(1, recorder, |recorder| recorder.head_scale(x, ds, HeadScale::Times))?;
    Ok(vec![dx, dy])
}
