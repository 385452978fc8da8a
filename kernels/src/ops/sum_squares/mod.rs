//! Sum of the squares of a tensor's values, and a running total: the global norm of many.
//!
//! Shapes: x any, before `[2]` (optional, what the tensor before gave) → `[2]`: (Σ x², before's
//! total + Σ x²).

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
pub struct SumSquares;

impl Recorder {
    /// Records [`SumSquares`]: inputs x and perhaps before.
    ///
    /// # Errors
    /// If x is not f32 or `before` is not what another [`SumSquares`] gave.
    pub fn sum_squares(
        &mut self,
        x: TensorId,
        before: Option<TensorId>,
    ) -> Result<TensorId, RecordError> {
        let inputs: Vec<_> = [Some(x), before].into_iter().flatten().collect();
        let fits = self.dtype(x) == DType::F32
            && before.is_none_or(|before| self.shape(before).len() == 2);
        self.expect(fits, "sum_squares", &inputs, || "f32 values and a total [2]".to_owned())?;
        let out = (Shape::from([2]), DType::F32);
        Ok(self.push(Op::SumSquares(SumSquares), inputs, &[out])[0])
    }
}
