//! Gradients of [`super::Mix`]: dx = a·dy, dz = b·dy.

use super::Mix;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Mix, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let factors = [op.a, op.b];
    (0..up.inputs.len())
        .map(|idx| {
            up.wanted_by(idx, recorder, |recorder| recorder.times(up.gradient, factors[idx]))
        })
        .collect()
}
