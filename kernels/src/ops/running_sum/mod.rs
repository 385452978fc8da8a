//! Sums along the rows of each sequence, column by column: `y_t = Σ_{s ≤ t} x_s`, or, reversed,
//! `Σ_{s ≥ t} x_s`.
//!
//! Shapes: x `[B·T, n]` → like x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of running sums.
#[derive(Clone, Copy, Debug)]
pub struct RunningSum {
    /// B.
    pub n_sequences: usize,
    /// Whether the last row of a sequence comes first.
    pub reversed: bool,
}

impl Recorder {
    /// Records [`RunningSum`]: input x.
    ///
    /// # Errors
    /// If the rows are no whole sequences.
    pub fn running_sum(&mut self, x: TensorId, op: RunningSum) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape.dims().len() == 2
            && op.n_sequences > 0
            && shape.n_rows().is_multiple_of(op.n_sequences);
        self.expect(fits, "running_sum", &[x], || format!("rows of {} sequences", op.n_sequences))?;
        Ok(self.push(Op::RunningSum(op), vec![x], &[(shape, DType::F32)])[0])
    }
}
