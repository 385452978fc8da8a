//! Gradients of [`super::GruBatch`], backwards through time in [`crate::ops::gru_batch_gradient`];
//! those of the weights are one product over all rows.

use super::GruBatch;
use crate::backward::{Gradients, Upstream};
use crate::ops::matmul::Matmul;
use crate::recording::Recorder;

pub(crate) fn gradients(op: &GruBatch, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let &[_, gates, before] = up.outputs else { unreachable!("gru_batch writes three") };
    let shown = op.has_shown.then(|| up.inputs[op.shown_idx()]);
    let operands = [up.gradient, gates, before, up.inputs[1]];
    let [x, of_products, start] = recorder.gru_batch_gradient(operands, shown, *op)?;
    let turned = Matmul { a_turned: true, b_turned: false };
    let of_w = up.wanted_by(1, recorder, |recorder| recorder.matmul(of_products, before, turned))?;
    let of_b = up.wanted_by(2, recorder, |recorder| recorder.sum_rows(of_products))?;
    let given = [op.has_start.then_some(Some(start)), op.has_shown.then_some(None)];
    Ok([Some(x), of_w, of_b].into_iter().chain(given.into_iter().flatten()).collect())
}
