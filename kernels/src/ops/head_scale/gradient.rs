//! Gradients of [`super::HeadScale`]: dx is dy scaled alike; ds is `Σ dy·x`, or `−Σ dx·y` where s
//! divides.

use super::HeadScale;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &HeadScale, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (x, s, dy) = (up.inputs[0], up.inputs[1], up.gradient);
    let n_heads = recorder.shape(s).n_cols();
    let ds = |recorder: &mut Recorder, dx| match op {
        HeadScale::Times => recorder.head_dots(dy, x, n_heads),
        HeadScale::Over(_) => {
            let along = recorder.head_dots(dx, up.outputs[0], n_heads)?;
            recorder.times(along, -1.0)
        }
    };
    let dx = recorder.head_scale(dy, s, *op)?;
    let ds = up.wanted_by(1, recorder, |recorder| ds(recorder, dx))?;
    Ok(vec![Some(dx), ds])
}
