//! Rows of a table by index: `y[t] = table[ids[t]]`.
//!
//! Shapes: table `[n, d]` (any storage type; a computed tensor serves too), ids `[T]` u32 → `[T, d]` f32.
//! An index past the table gives a row of zeros (callers check ids where they come from).

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
pub struct Gather;

impl Recorder {
    /// Records [`Gather`]: inputs table, ids.
    ///
    /// # Errors
    /// If the table is no matrix or the ids are no u32 vector.
    pub fn gather(&mut self, table: TensorId, ids: TensorId) -> Result<TensorId, RecordError> {
        let (table_shape, ids_shape) = (self.shape(table), self.shape(ids));
        let fits = table_shape.dims().len() == 2
            && ids_shape.dims().len() == 1
            && self.dtype(ids) == DType::U32;
        self.expect(fits, "gather", &[table, ids], || "a matrix and u32 indices".to_owned())?;
        let out = Shape::from([ids_shape.len(), table_shape.n_cols()]);
        Ok(self.push(Op::Gather(Gather), vec![table, ids], &[(out, DType::F32)])[0])
    }
}
