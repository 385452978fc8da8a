//! Gradient of [`super::Gather`]: that of the table, in [`crate::ops::gather_gradient`].

use super::Gather;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(_: &Gather, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let n = recorder.shape(up.inputs[0]).n_rows();
    let of_table = up.wanted_by(0, recorder, |recorder| {
        recorder.gather_gradient(up.gradient, up.inputs[1], n)
    })?;
    Ok(vec![of_table, None])
}
