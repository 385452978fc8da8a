//! Mean, variance (biased), minimum, maximum, Euclidean norm and entropy of each row.
//!
//! Shapes: x `[…, n]` → `[rows, 6]` in that order. Entropy in nats, of the row as probabilities
//! or of the row's softmax.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// What the entropy is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntropyOf {
    /// The row itself: −Σ x ln x, with 0 ln 0 = 0.
    Probabilities,
    /// The row's softmax.
    Logits,
}

/// Parameters of row statistics.
#[derive(Clone, Copy, Debug)]
pub struct RowStats {
    /// What the entropy is taken of.
    pub entropy_of: EntropyOf,
}

impl Recorder {
    /// Records [`RowStats`]: input x.
    ///
    /// # Errors
    /// If rows are empty.
    pub fn row_stats(&mut self, x: TensorId, entropy_of: EntropyOf) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        self.expect(shape.n_cols() > 0, "row_stats", &[x], || "rows with values".to_owned())?;
        let out = Shape::from([shape.n_rows(), 6]);
        Ok(self.push(Op::RowStats(RowStats { entropy_of }), vec![x], &[(out, DType::F32)])[0])
    }
}
