//! Products of two tensors summed head by head: `s = Σ_i x_i·y_i` over the columns of each head.
//!
//! Shapes: x, y `[T, n_heads·d]` → `[T, n_heads]`.

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

/// Parameters of sums by head.
#[derive(Clone, Copy, Debug)]
pub struct HeadDots {
    /// Heads side by side in a row.
    pub n_heads: usize,
}

impl Recorder {
    /// Records [`HeadDots`]: inputs x, y.
    ///
    /// # Errors
    /// If the shapes differ or the columns are not whole heads.
    pub fn head_dots(
        &mut self,
        x: TensorId,
        y: TensorId,
        n_heads: usize,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape == self.shape(y)
            && shape.dims().len() == 2
            && n_heads > 0
            && shape.n_cols().is_multiple_of(n_heads);
        self.expect(fits, "head_dots", &[x, y], || format!("x and y [T, {n_heads}·d]"))?;
        let sums = (Shape::from([shape.n_rows(), n_heads]), DType::F32);
        Ok(self.push(Op::HeadDots(HeadDots { n_heads }), vec![x, y], &[sums])[0])
    }
}
