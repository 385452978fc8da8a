//! Two tensors side by side: `y[t] = [a[t], b[t]]`.
//!
//! Shapes: a `[T, m]`, b `[T, n]` → `[T, m + n]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Concat;

impl Recorder {
    /// Records [`Concat`]: inputs a, b.
    ///
    /// # Errors
    /// If they have not as many rows.
    pub fn concat(&mut self, a: TensorId, b: TensorId) -> Result<TensorId, RecordError> {
        let (a_shape, b_shape) = (self.shape(a), self.shape(b));
        let fits = a_shape.dims().len() == 2
            && b_shape.dims().len() == 2
            && a_shape.n_rows() == b_shape.n_rows();
        self.expect(fits, "concat", &[a, b], || "a [T, m], b [T, n]".to_owned())?;
        let out = Shape::from([a_shape.n_rows(), a_shape.n_cols() + b_shape.n_cols()]);
        Ok(self.push(Op::Concat(Concat), vec![a, b], &[(out, DType::F32)])[0])
    }
}
