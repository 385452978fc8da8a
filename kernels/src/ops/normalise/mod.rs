//! A matrix divided by its Frobenius norm: where Newton–Schulz starts ([`crate::ops::muon`]).
//!
//! Shapes: x any, squares `[2]` (of [`crate::ops::sum_squares`]) → x / (√squares\[0\] + ε).

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of a normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Normalise {
    /// ε, added to the norm.
    pub eps: f32,
}

impl Recorder {
    /// Records [`Normalise`]: inputs x, squares.
    ///
    /// # Errors
    /// If `squares` is not what a sum of squares gives.
    pub fn normalise(
        &mut self,
        x: TensorId,
        squares: TensorId,
        op: Normalise,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = self.shape(squares).len() == 2;
        self.expect(fits, "normalise", &[x, squares], || "x and squares [2]".to_owned())?;
        Ok(self.push(Op::Normalise(op), vec![x, squares], &[(shape, DType::F32)])[0])
    }
}
