//! A tensor added to a state: gradients of several batches before one update.
//!
//! Shapes: x, state alike; the state becomes state + x.

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
pub struct Accumulate;

impl Recorder {
    /// Records [`Accumulate`]: input x, output `state`.
    ///
    /// # Errors
    /// If the target is no state or its shape differs.
    pub fn accumulate(&mut self, x: TensorId, state: TensorId) -> Result<(), RecordError> {
        let fits = self.is_state(state) && self.shape(x) == self.shape(state);
        self.expect(fits, "accumulate", &[x, state], || "x and a state like it".to_owned())?;
        self.push_into(Op::Accumulate(Accumulate), vec![x], vec![state]);
        Ok(())
    }
}
