//! Weighted sum of one or two tensors: `y = a·x + b·z`.
//!
//! Shapes: x, z alike → like them.

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

/// The factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Of the first tensor.
    pub a: f32,
    /// Of the second.
    pub b: f32,
}

impl Recorder {
    /// Records [`Mix`]: inputs x, z.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn mix(&mut self, x: TensorId, z: TensorId, op: Mix) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape == self.shape(z);
        self.expect(fits, "mix", &[x, z], || "equal shapes".to_owned())?;
        Ok(self.push(Op::Mix(op), vec![x, z], &[(shape, DType::F32)])[0])
    }

    /// Records [`Mix`] of one tensor: `y = factor·x`.
    ///
    /// # Errors
    /// None: any tensor will do.
    pub fn times(&mut self, x: TensorId, factor: f32) -> Result<TensorId, RecordError> {
        let op = Mix { a: factor, b: 0.0 };
        let shape = self.shape(x);
        Ok(self.push(Op::Mix(op), vec![x], &[(shape, DType::F32)])[0])
    }
}
