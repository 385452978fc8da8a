//! Gradient of a softmax over the last dimension: `dx = y·(dy − Σ dy·y)`.
//!
//! Shapes: y (what the softmax gave), dy alike → like them. Hidden cells, where y is 0, get 0.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxGradient;

impl Recorder {
    /// Records [`SoftmaxGradient`]: inputs y, dy.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn softmax_gradient(
        &mut self,
        y: TensorId,
        dy: TensorId,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(y);
        let fits = shape == self.shape(dy);
        self.expect(fits, "softmax_gradient", &[y, dy], || "equal shapes".to_owned())?;
        let op = Op::SoftmaxGradient(SoftmaxGradient);
        Ok(self.push(op, vec![y, dy], &[(shape, DType::F32)])[0])
    }
}
