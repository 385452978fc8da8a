//! Gradients of [`super::AdditiveAttention`], in [`crate::ops::additive_attention_gradient`].

use super::AdditiveAttention;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(
    op: &AdditiveAttention,
    up: &Upstream<'_>,
    recorder: &mut Recorder,
) -> Gradients {
    let &[q, k, v, values, ..] = up.inputs else { unreachable!("four operands at least") };
    let operands = [up.gradient, q, k, v, values, up.outputs[1]];
    let [of_q, of_k, of_values, rows_of_v] = recorder.additive_attention_gradient(operands, *op)?;
    let of_v = up.wanted_by(2, recorder, |recorder| recorder.sum_rows(rows_of_v))?;
    let of_shown = op.has_shown.then_some(None);
    Ok([Some(of_q), Some(of_k), of_v, Some(of_values)].into_iter().chain(of_shown).collect())
}
