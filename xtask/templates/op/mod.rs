//! OpName: so far y = x², the starting point that `new-op` writes. Say here what the op computes,
//! which paper it follows, and its shapes.
//!
//! Shapes: x any → like x.

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
pub struct OpName;

impl Recorder {
    /// Records [`OpName`]: input x.
    ///
    /// # Errors
    /// If x is not f32.
    pub fn op_name(&mut self, x: TensorId) -> Result<TensorId, RecordError> {
        let fits = self.dtype(x) == DType::F32;
        self.expect(fits, "op_name", &[x], || "f32 values".to_owned())?;
        let shape = self.shape(x);
        Ok(self.push(Op::OpName(OpName), vec![x], &[(shape, DType::F32)])[0])
    }
}
