//! Gradients of [`super::LstmBatch`], backwards through time in [`crate::ops::lstm_batch_gradient`];
//! those of the weights are one product over all rows.

use super::LstmBatch;
use crate::backward::{Gradients, Upstream};
use crate::ops::matmul::Matmul;
use crate::recording::Recorder;

pub(crate) fn gradients(op: &LstmBatch, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let &[_, gates, before] = up.outputs else { unreachable!("lstm_batch writes three") };
    let x = recorder.lstm_batch_gradient([up.gradient, gates, up.inputs[1]], *op)?;
    let turned = Matmul { a_turned: true, b_turned: false };
    let of_w = up.wanted_by(1, recorder, |recorder| recorder.matmul(x, before, turned))?;
    let of_b = up.wanted_by(2, recorder, |recorder| recorder.sum_rows(x))?;
    Ok(vec![Some(x), of_w, of_b])
}
