//! Sum of two tensors: residual connections, embeddings.
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
pub struct Add;

impl Recorder {
    /// Records [`Add`]: inputs a, b.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn add(&mut self, a: TensorId, b: TensorId) -> Result<TensorId, RecordError> {
        let shape = self.shape(a);
        let fits = shape == self.shape(b);
        self.expect(fits, "add", &[a, b], || "equal shapes".to_owned())?;
        Ok(self.push(Op::Add(Add), vec![a, b], &[(shape, DType::F32)])[0])
    }
}
