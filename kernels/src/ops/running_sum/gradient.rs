//! Gradient of [`super::RunningSum`]: the sums the other way.

use super::RunningSum;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &RunningSum, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let back = RunningSum { reversed: !op.reversed, ..*op };
    Ok(vec![Some(recorder.running_sum(up.gradient, back)?)])
}
