//! Some columns of a tensor, or a tensor among columns of zeros, in another shape: x read as n rows
//! of m columns, `y[r, j] = x[r, j + shift]`, 0 where there is no such column.
//!
//! Shapes: x of n·m values → y of n·`n_cols` values, in any shape.

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
use crate::tensor::{DType, Shape, TensorId};

/// Which columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows that x is read as.
    pub n_rows: usize,
    /// The column of x that is the first of y; below zero: zeros come first.
    pub shift: isize,
    /// Columns of y.
    pub n_cols: usize,
}

impl Recorder {
    /// Records [`Window`]: input x; y in the given shape.
    ///
    /// # Errors
    /// If x has not whole rows, or the shape has not as many values.
    pub fn window(
        &mut self,
        x: TensorId,
        op: Window,
        shape: impl Into<Shape>,
    ) -> Result<TensorId, RecordError> {
        let shape = shape.into();
        let fits = op.n_rows > 0
            && self.dtype(x) == DType::F32
            && self.shape(x).len().is_multiple_of(op.n_rows)
            && shape.len() == op.n_rows * op.n_cols;
        self.expect(fits, "window", &[x], || format!("values for {op:?}, {:?}", shape.dims()))?;
        Ok(self.push(Op::Window(op), vec![x], &[(shape, DType::F32)])[0])
    }

    /// Columns of a matrix.
    ///
    /// # Errors
    /// If x is no f32 matrix or has not these columns.
    pub fn columns(&mut self, x: TensorId, cols: Range<usize>) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape.dims().len() == 2 && cols.start <= cols.end && cols.end <= shape.n_cols();
        self.expect(fits, "window", &[x], || format!("columns {cols:?} of a matrix"))?;
        let (n_rows, n_cols) = (shape.n_rows(), cols.len());
        let op = Window { n_rows, shift: cols.start as isize, n_cols };
        self.window(x, op, [n_rows, n_cols])
    }

    /// The same values in another shape.
    ///
    /// # Errors
    /// If it has not as many.
    pub fn reshaped(
        &mut self,
        x: TensorId,
        shape: impl Into<Shape>,
    ) -> Result<TensorId, RecordError> {
        let op = Window { n_rows: 1, shift: 0, n_cols: self.shape(x).len() };
        self.window(x, op, shape)
    }
}
