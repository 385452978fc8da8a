//! Gradient of a table from that of the rows gathered from it: `dtable[i] = Σ dy[t]` over ids[t] = i.
//! No atomics: each row of the table looks through the ids.
//!
//! Shapes: dy `[T, d]`, ids `[T]` u32 → `[n, d]`. An index past the table counts nowhere.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct GatherGradient;

impl Recorder {
    /// Records [`GatherGradient`] of a table of `n` rows: inputs dy, ids.
    ///
    /// # Errors
    /// If dy is no matrix with a row for each of the u32 ids.
    pub fn gather_gradient(
        &mut self,
        dy: TensorId,
        ids: TensorId,
        n: usize,
    ) -> Result<TensorId, RecordError> {
        let (dy_shape, ids_shape) = (self.shape(dy), self.shape(ids));
        let fits = dy_shape.dims().len() == 2
            && dy_shape.n_rows() == ids_shape.len()
            && self.dtype(ids) == DType::U32;
        self.expect(fits, "gather_gradient", &[dy, ids], || "dy [T, d], ids [T] u32".to_owned())?;
        let out = Shape::from([n, dy_shape.n_cols()]);
        let op = Op::GatherGradient(GatherGradient);
        Ok(self.push(op, vec![dy, ids], &[(out, DType::F32)])[0])
    }
}
