//! Gradients of additive attention over a batch.
//!
//! With P the pattern, dP = dz·valuesᵀ, `de = P·(dP − Σ dP·P)` and `u = 1 − tanh²(q + k)`:
//! `dq[t] = Σ_j de[t, j]·v·u`, `dk[j] = Σ_t de[t, j]·v·u`, `dv = Σ de·tanh(q + k)`, `dvalues = Pᵀ·dz`.
//!
//! Shapes: as [`crate::ops::additive_attention`], with dz like z → dq, dk, dvalues like their tensors,
//! dv row by row `[B·T, a]`, de `[B, T, S]` (the engines' own).

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::additive_attention::AdditiveAttention;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of these gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditiveAttentionGradient {
    /// The attention.
    pub of: AdditiveAttention,
}

impl Recorder {
    /// Records [`AdditiveAttentionGradient`]: inputs dz, q, k, v, values, pattern; dq, dk, dvalues,
    /// and dv row by row.
    ///
    /// # Errors
    /// If they are not those of one attention.
    pub fn additive_attention_gradient(
        &mut self,
        operands: [TensorId; 6],
        of: AdditiveAttention,
    ) -> Result<[TensorId; 4], RecordError> {
        let [dz, q, k, v, values, pattern] = operands;
        let fits = self.shape(dz).n_rows() == self.shape(q).n_rows()
            && self.shape(dz).n_cols() == self.shape(values).n_cols()
            && self.shape(v).len() == self.shape(k).n_cols()
            && self.shape(pattern).dims().len() == 3;
        self.expect(fits, "additive_attention_gradient", &operands, || {
            "dz, q, k, v, values, pattern".to_owned()
        })?;
        let outputs = [q, k, values, q, pattern].map(|id| (self.shape(id), DType::F32));
        let op = Op::AdditiveAttentionGradient(AdditiveAttentionGradient { of });
        let outputs = self.push(op, operands.to_vec(), &outputs);
        Ok([outputs[0], outputs[1], outputs[2], outputs[3]])
    }
}
