//! Attention over a batch whose pattern never exists in memory: tiles of keys, and a backward pass that
//! computes them again from the rows' statistics (Dao et al. 2022, "FlashAttention", arXiv 2205.14135).
//!
//! Shapes: q, k, v, shown and z, stats as [`crate::ops::attention`]; of bias, distances and seed at
//! most one, and no gradient goes to it.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::attention::{Attention, Given};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Columns of a head that the shaders' sums hold.
const MAX_D_HEAD: usize = 256;

/// Parameters of attention without a pattern.
#[derive(Clone, Copy, Debug)]
pub struct AttentionRecomputed {
    /// Those of attention.
    pub of: Attention,
}

/// What it leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Recomputed {
    /// `[B·T, n_heads·d_head]`.
    pub z: TensorId,
    /// (maximum, Σ exp) of each row's scores, `[B·n_heads, T, 2]`.
    pub stats: TensorId,
}

impl Recorder {
    /// Records [`AttentionRecomputed`]: inputs q, k, v and what is given.
    ///
    /// # Errors
    /// As [`Recorder::attention`]; also if more than one of bias, distances and seed is given, or
    /// heads have more than 256 columns.
    pub fn attention_recomputed(
        &mut self,
        qkv: [TensorId; 3],
        given: Given,
        op: Attention,
    ) -> Result<Recomputed, RecordError> {
        let (of, inputs, n_rows) = self.attention_op(qkv, given, op)?;
        let n_beside = [of.given.bias, of.given.distances, of.given.seed];
        let fits = n_beside.into_iter().filter(|given| *given).count() <= 1
            && of.d_head <= MAX_D_HEAD;
        self.expect(fits, "attention_recomputed", &inputs, || {
            format!("one of bias, distances, seed; up to {MAX_D_HEAD} columns a head")
        })?;
        let stats = Shape::from([of.n_sequences * of.n_heads, n_rows, 2]);
        let outputs = [(self.shape(qkv[0]), DType::F32), (stats, DType::F32)];
        let op = Op::AttentionRecomputed(AttentionRecomputed { of });
        let outputs = self.push(op, inputs, &outputs);
        Ok(Recomputed { z: outputs[0], stats: outputs[1] })
    }
}
