//! Gradient of [`super::Window`]: dy among zeros, where its values came from.

use super::Window;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Window, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let shape = recorder.shape(up.inputs[0]);
    let n_cols = shape.len() / op.n_rows;
    let back = Window { n_rows: op.n_rows, shift: -op.shift, n_cols };
    Ok(vec![Some(recorder.window(up.gradient, back, shape)?)])
}
