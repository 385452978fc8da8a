//! Sum of the rows of a matrix: the gradient of a bias.
//!
//! Shapes: x `[T, n]` → `[n]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct SumRows;

impl Recorder {
    /// Records [`SumRows`]: input x.
    ///
    /// # Errors
    /// If x is no f32 matrix.
    pub fn sum_rows(&mut self, x: TensorId) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape.dims().len() == 2 && self.dtype(x) == DType::F32;
        self.expect(fits, "sum_rows", &[x], || "x [T, n]".to_owned())?;
        let out = Shape::from([shape.n_cols()]);
        Ok(self.push(Op::SumRows(SumRows), vec![x], &[(out, DType::F32)])[0])
    }
}
