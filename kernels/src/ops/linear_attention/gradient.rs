//! Gradients of [`super::LinearAttention`], each linear attention again: of the values, keys asking
//! queries for dz the other way through time; of the queries, dz asking values for keys; of the keys,
//! values asking dz for queries the other way. Of a decay, the sum over all pairs that it lies between:
//! what queries read from a token on, less what keys write from it on.

use super::LinearAttention;
use crate::backward::{Gradients, Upstream};
use crate::error::RecordError;
use crate::ops::mix::Mix;
use crate::ops::running_sum::RunningSum;
use crate::recording::Recorder;
use crate::tensor::TensorId;

pub(crate) fn gradients(
    op: &LinearAttention,
    up: &Upstream<'_>,
    recorder: &mut Recorder,
) -> Gradients {
    let (q, k, v, dz) = (up.inputs[0], up.inputs[1], up.inputs[2], up.gradient);
    let decay = up.inputs.get(3).copied();
    let of_decay = decay.is_some() && up.wanted[3];
    let back = LinearAttention { reversed: !op.reversed, ..*op };
    let attend = |recorder: &mut Recorder, is_wanted: bool, qkv, op| -> Result<_, RecordError> {
        if !is_wanted {
            return Ok(None);
        }
        Ok(Some(recorder.linear_attention(qkv, decay, op)?.z))
    };
    let dq = attend(recorder, up.wanted[0] || of_decay, [dz, v, k], *op)?;
    let dk = attend(recorder, up.wanted[1] || of_decay, [v, dz, q], back)?;
    let dv = attend(recorder, up.wanted[2], [k, q, dz], back)?;
    let mut gradients = vec![dq, dk, dv];
    if let (true, Some(dq), Some(dk)) = (of_decay, dq, dk) {
        gradients.push(Some(recorder.decay_gradient([q, dq], [k, dk], op)?));
    } else {
        gradients.extend(decay.map(|_| None));
    }
    Ok(gradients)
}

impl Recorder {
    /// Gradient of the decays `[B·T, n_heads]` between what reads and what writes, each with its
    /// gradient.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub(crate) fn decay_gradient(
        &mut self,
        [q, dq]: [TensorId; 2],
        [k, dk]: [TensorId; 2],
        op: &LinearAttention,
    ) -> Result<TensorId, RecordError> {
        let read = self.head_dots(q, dq, op.n_heads)?;
        let written = self.head_dots(k, dk, op.n_heads)?;
        // Reversed, the pairs around a decay are those whose writer comes from there on.
        let sign = if op.reversed { -1.0 } else { 1.0 };
        let both = self.mix(read, written, Mix { a: sign, b: -sign })?;
        self.running_sum(both, RunningSum { n_sequences: op.n_sequences, reversed: true })
    }
}
