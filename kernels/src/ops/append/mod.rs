//! Rows copied into a state after the rows that it holds: caches and captures.
//!
//! Shapes: x `[T, d]`, state `[C, d]`: rows `past..past + T` of the state become x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::TensorId;

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Append;

impl Recorder {
    /// Records [`Append`]: input x, output `state`.
    ///
    /// # Errors
    /// If the target is no state or its rows are not as long as x's.
    pub fn append(&mut self, x: TensorId, state: TensorId) -> Result<(), RecordError> {
        let (from, to) = (self.shape(x), self.shape(state));
        let fits = self.is_state(state)
            && from.dims().len() == 2
            && to.dims().len() == 2
            && from.n_cols() == to.n_cols()
            && from.n_rows() <= to.n_rows();
        self.expect(fits, "append", &[x, state], || "x [T, d] and a state [C, d]".to_owned())?;
        self.push_into(Op::Append(Append), vec![x], vec![state]);
        Ok(())
    }
}
