//! Product of two tensors that a run computes: `C = A·B`, each as it is or turned.
//!
//! Shapes: A `[m, k]` (turned: `[k, m]`), B `[k, n]` (turned: `[n, k]`), f32 → C `[m, n]`.

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

/// Which factors are turned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matmul {
    /// A is given as `[k, m]`.
    pub a_turned: bool,
    /// B is given as `[n, k]`.
    pub b_turned: bool,
}

impl Matmul {
    /// (m, n, k) of operands of these shapes, and whether they fit.
    pub(crate) fn extents(self, a: Shape, b: Shape) -> ([usize; 3], bool) {
        let turned_if = |turned: bool, shape: Shape| {
            let (rows, cols) = (shape.n_rows(), shape.n_cols());
            if turned { (cols, rows) } else { (rows, cols) }
        };
        let ((m, k), (k_of_b, n)) = (turned_if(self.a_turned, a), turned_if(self.b_turned, b));
        ([m, n, k], k == k_of_b && a.dims().len() == 2 && b.dims().len() == 2)
    }
}

impl Recorder {
    /// Records [`Matmul`]: inputs a, b.
    ///
    /// # Errors
    /// If they are no f32 matrices or the inner dimensions differ.
    pub fn matmul(
        &mut self,
        a: TensorId,
        b: TensorId,
        op: Matmul,
    ) -> Result<TensorId, RecordError> {
        let ([m, n, _], fits) = op.extents(self.shape(a), self.shape(b));
        let fits = fits && self.dtype(a) == DType::F32 && self.dtype(b) == DType::F32;
        self.expect(fits, "matmul", &[a, b], || format!("equal inner dimensions for {op:?}"))?;
        Ok(self.push(Op::Matmul(op), vec![a, b], &[(Shape::from([m, n]), DType::F32)])[0])
    }
}
