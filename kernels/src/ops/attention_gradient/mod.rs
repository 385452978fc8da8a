//! Gradients of attention over a batch from the pattern that it kept.
//!
//! With P the pattern, M what dropout multiplies it by, dP = (dZ·Vᵀ)·M:
//! `dS = P·(dP − Σ dP·P)`, `dQ = dS·K·scale`, `dK = dSᵀ·Q·scale`, `dV = (P·M)ᵀ·dZ`; the gradient of a
//! bias is dS summed over what shares it.
//!
//! Shapes: as [`crate::ops::attention`], with dz and pattern → dq, dk, dv, dS `[B·n_heads, T, S]` (the
//! GPU's scratch), then dbias and ddistances where wanted.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::attention::{Attention, Given};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of the gradients of attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionGradient {
    /// The attention.
    pub of: Attention,
    /// Whether the gradient of a bias is wanted.
    pub of_bias: bool,
    /// Whether that of biases by distance is.
    pub of_distances: bool,
}

/// Gradients of attention's operands.
#[derive(Clone, Copy, Debug)]
pub struct AttentionGradients {
    /// Of q, k, v.
    pub qkv: [TensorId; 3],
    /// Of the bias, where wanted.
    pub bias: Option<TensorId>,
    /// Of the biases by distance, where wanted.
    pub distances: Option<TensorId>,
}

impl Recorder {
    /// Records [`AttentionGradient`]: inputs dz, q, k, v, pattern and perhaps seed. Of `given`, the
    /// bias and the distances name those whose gradients are wanted.
    ///
    /// # Errors
    /// If they are not those of one attention.
    pub fn attention_gradient(
        &mut self,
        operands: [TensorId; 5],
        given: Given,
        of: Attention,
    ) -> Result<AttentionGradients, RecordError> {
        let [dz, q, k, v, pattern] = operands;
        let fits = self.shape(dz) == self.shape(q)
            && self.shape(k) == self.shape(v)
            && self.shape(pattern).dims().len() == 3
            && given.seed.is_some() == of.given.seed;
        self.expect(fits, "attention_gradient", &operands, || "dz, q, k, v, pattern".to_owned())?;
        let inputs = operands.into_iter().chain(given.seed).collect();
        let op = AttentionGradient {
            of,
            of_bias: given.bias.is_some(),
            of_distances: given.distances.is_some(),
        };
        let all = [Some(q), Some(k), Some(v), Some(pattern), given.bias, given.distances];
        let outputs: Vec<_> =
            all.into_iter().flatten().map(|id| (self.shape(id), DType::F32)).collect();
        let outputs = self.push(Op::AttentionGradient(op), inputs, &outputs);
        let mut beside = outputs[4..].iter().copied();
        Ok(AttentionGradients {
            qkv: [outputs[0], outputs[1], outputs[2]],
            bias: given.bias.and_then(|_| beside.next()),
            distances: given.distances.and_then(|_| beside.next()),
        })
    }
}
