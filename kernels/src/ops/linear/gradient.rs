//! Gradients of [`super::Linear`]: dX = dY·W, dW = dYᵀ·X, db = the sum of dY's rows.

use super::Linear;
use crate::backward::{Gradients, Upstream};
use crate::ops::matmul::Matmul;
use crate::recording::Recorder;

pub(crate) fn gradients(_: &Linear, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (x, w, dy) = (up.inputs[0], up.inputs[1], up.gradient);
    let of_x = up.wanted_by(0, recorder, |recorder| recorder.matmul(dy, w, Matmul::default()))?;
    let turned = Matmul { a_turned: true, b_turned: false };
    let of_w = up.wanted_by(1, recorder, |recorder| recorder.matmul(dy, x, turned))?;
    let mut all = vec![of_x, of_w];
    if up.inputs.len() > 2 {
        all.push(up.wanted_by(2, recorder, |recorder| recorder.sum_rows(dy))?);
    }
    Ok(all)
}
