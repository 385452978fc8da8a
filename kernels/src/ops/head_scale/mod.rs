//! One number a head: `y = x·s` or `y = x/(s + ε)` for all columns of a head.
//!
//! Shapes: x `[T, n_heads·d]`, s `[T, n_heads]` → like x.

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

/// What a head's number does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadScale {
    /// Multiplies.
    Times,
    /// Divides, this much added to it.
    Over(f32),
}

impl Recorder {
    /// Records [`HeadScale`]: inputs x, s.
    ///
    /// # Errors
    /// If the rows differ or the columns of x are not whole heads.
    pub fn head_scale(
        &mut self,
        x: TensorId,
        s: TensorId,
        op: HeadScale,
    ) -> Result<TensorId, RecordError> {
        let (shape, of_s) = (self.shape(x), self.shape(s));
        let fits = shape.dims().len() == 2
            && of_s.dims().len() == 2
            && shape.n_rows() == of_s.n_rows()
            && shape.n_cols().is_multiple_of(of_s.n_cols());
        self.expect(fits, "head_scale", &[x, s], || {
            "x [T, n_heads·d], s [T, n_heads]".to_owned()
        })?;
        Ok(self.push(Op::HeadScale(op), vec![x, s], &[(shape, DType::F32)])[0])
    }
}
