//! The k largest of each row, largest first; of equals the lower column comes first.
//!
//! Shapes: x `[T, n]` → values `[T, k]`, columns `[T, k]` u32.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// How many.
#[derive(Clone, Copy, Debug)]
pub struct TopK {
    /// At most 64 and at most n.
    pub k: usize,
}

impl Recorder {
    /// Records [`TopK`]: input x; outputs (values, columns).
    ///
    /// # Errors
    /// If x is no matrix or k is not in 1..=min(n, 64).
    pub fn top_k(&mut self, x: TensorId, k: usize) -> Result<(TensorId, TensorId), RecordError> {
        let shape = self.shape(x);
        let fits = shape.dims().len() == 2 && k >= 1 && k <= shape.n_cols() && k <= 64;
        self.expect(fits, "top_k", &[x], || format!("a matrix and k = {k} in 1..=64"))?;
        let out = Shape::from([shape.n_rows(), k]);
        let outputs = [(out, DType::F32), (out, DType::U32)];
        let outputs = self.push(Op::TopK(TopK { k }), vec![x], &outputs);
        Ok((outputs[0], outputs[1]))
    }
}
