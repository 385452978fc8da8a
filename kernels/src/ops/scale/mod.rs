//! A box of a matrix times a factor, everything else unchanged: how interventions enter a
//! recording (0 removes, 1 changes nothing).
//!
//! Shapes: x `[T, d]` → like x. Rows are counted as in the states: row t of x is row `past + t`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use std::ops::Range;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Which box, and the factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Rows `past + t` that change; may reach past the end.
    pub rows: Range<usize>,
    /// Columns that change.
    pub cols: Range<usize>,
    /// The factor.
    pub factor: f32,
}

impl Recorder {
    /// Records [`Scale`]: input x.
    ///
    /// # Errors
    /// If x is no matrix or the columns lie outside.
    pub fn scale(&mut self, x: TensorId, params: Scale) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape.dims().len() == 2
            && params.cols.start <= params.cols.end
            && params.cols.end <= shape.n_cols();
        self.expect(fits, "scale", &[x], || format!("columns {:?} of a matrix", params.cols))?;
        Ok(self.push(Op::Scale(params), vec![x], &[(shape, DType::F32)])[0])
    }
}
