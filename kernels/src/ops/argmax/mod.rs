//! Column of each row's maximum; the first of equals.
//!
//! Shapes: x `[T, n]` → `[T]` u32.

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
pub struct Argmax;

impl Recorder {
    /// Records [`Argmax`]: input x.
    ///
    /// # Errors
    /// If x is no matrix.
    pub fn argmax(&mut self, x: TensorId) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        self.expect(shape.dims().len() == 2, "argmax", &[x], || "a matrix".to_owned())?;
        let out = Shape::from([shape.n_rows()]);
        Ok(self.push(Op::Argmax(Argmax), vec![x], &[(out, DType::U32)])[0])
    }
}
