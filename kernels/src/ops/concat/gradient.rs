//! Gradients of [`super::Concat`]: the columns that came from each.

use super::Concat;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(_: &Concat, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let [m, n] = [0, 1].map(|idx| recorder.shape(up.inputs[idx]).n_cols());
    let dy = up.gradient;
    Ok(vec![
        up.wanted_by(0, recorder, |recorder| recorder.columns(dy, 0..m))?,
        up.wanted_by(1, recorder, |recorder| recorder.columns(dy, m..m + n))?,
    ])
}
