//! Product of two tensors, value by value.
//!
//! Shapes: a, b alike → like them.

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

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Multiply;

impl Recorder {
    /// Records [`Multiply`]: inputs a, b.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn multiply(&mut self, a: TensorId, b: TensorId) -> Result<TensorId, RecordError> {
        let shape = self.shape(a);
        let fits = shape == self.shape(b);
        self.expect(fits, "multiply", &[a, b], || "equal shapes".to_owned())?;
        Ok(self.push(Op::Multiply(Multiply), vec![a, b], &[(shape, DType::F32)])[0])
    }
}
