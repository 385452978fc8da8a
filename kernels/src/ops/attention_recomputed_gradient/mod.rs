//! Gradients of attention whose pattern is computed again, tile by tile, from the rows' statistics.
//!
//! As [`crate::ops::attention_gradient`], with `Σ dP·P = dZ·Z` for each row.
//!
//! Shapes: dz, z, stats, then the inputs of [`crate::ops::attention_recomputed`] → dq, dk, dv, and rows
//! `[B·n_heads, T, 4]` of (maximum, Σ exp, dZ·Z, 0), the GPU's scratch.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::attention::Attention;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of the gradients of attention without a pattern.
#[derive(Clone, Copy, Debug)]
pub struct AttentionRecomputedGradient {
    /// The attention.
    pub of: Attention,
}

impl Recorder {
    /// Records [`AttentionRecomputedGradient`]: inputs dz, z, stats, then those of the attention;
    /// the gradients of q, k, v.
    ///
    /// # Errors
    /// If they are not those of one attention.
    pub fn attention_recomputed_gradient(
        &mut self,
        left: [TensorId; 3],
        inputs: &[TensorId],
        of: Attention,
    ) -> Result<[TensorId; 3], RecordError> {
        let [dz, z, stats] = left;
        let fits = inputs.len() >= 3
            && self.shape(dz) == self.shape(inputs[0])
            && self.shape(z) == self.shape(dz)
            && self.shape(stats).dims().len() == 3;
        self.expect(fits, "attention_recomputed_gradient", &left, || {
            "dz and z like q, stats [B·n_heads, T, 2]".to_owned()
        })?;
        let stats = self.shape(stats);
        let rows = Shape::from([stats.dims()[0], stats.dims()[1], 4]);
        let [q, k, v] = [0, 1, 2].map(|idx| (self.shape(inputs[idx]), DType::F32));
        let op = Op::AttentionRecomputedGradient(AttentionRecomputedGradient { of });
        let all = [&left[..], inputs].concat();
        let outputs = self.push(op, all, &[q, k, v, (rows, DType::F32)]);
        Ok([outputs[0], outputs[1], outputs[2]])
    }
}
