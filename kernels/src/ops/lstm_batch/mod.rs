//! Long short-term memory through time over a batch of sequences, with what its gradient needs; the
//! unit is that of [`crate::ops::lstm`]: `i, f, o = σ(x + W·h + b)`, `g = tanh(x_g + W_g·h + b_g)`,
//! `c' = f·c + i·g`, `h' = o · tanh(c')`.
//!
//! Shapes: x `[B·T, 4d]` (the input's part of i, f, g, o, its bias in it), w `[4d, d]`, b `[4d]` →
//! h `[B·T, d]`, gates `[B·T, 5d]` (i, f, g, o, c'), before `[B·T, d]` (the hidden state that each row
//! went on from). Sequence after sequence, each from zeros.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::gru::MAX_WIDTH;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of LSTMs over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmBatch {
    /// B.
    pub n_sequences: usize,
}

impl Recorder {
    /// Records [`LstmBatch`]: inputs x, w, b; the hidden states.
    ///
    /// # Errors
    /// If the rows are not B sequences, the unit is too wide, or the shapes do not fit.
    pub fn lstm_batch(
        &mut self,
        [x, w, b]: [TensorId; 3],
        n_sequences: usize,
    ) -> Result<TensorId, RecordError> {
        let (n_rows, d) = (self.shape(x).n_rows(), self.shape(w).n_cols());
        let fits = d <= MAX_WIDTH && self.is_unit([x, w, b], n_sequences, 4);
        self.expect(fits, "lstm_batch", &[x, w, b], || {
            format!("x [B·T, 4d], w [4d, d], b [4d], d ≤ {MAX_WIDTH}")
        })?;
        let outputs = [1, 5, 1].map(|n| (Shape::from([n_rows, n * d]), DType::F32));
        let op = Op::LstmBatch(LstmBatch { n_sequences });
        Ok(self.push(op, vec![x, w, b], &outputs)[0])
    }
}
