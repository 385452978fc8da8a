//! One value throughout: what a gradient starts from, and how an accumulated one is cleared.
//!
//! Shapes: any, a new tensor or a state.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// The value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// What every cell gets.
    pub value: f32,
}

impl Recorder {
    /// Records [`Fill`] into a new tensor.
    pub fn fill(&mut self, shape: impl Into<Shape>, value: f32) -> TensorId {
        self.push(Op::Fill(Fill { value }), Vec::new(), &[(shape.into(), DType::F32)])[0]
    }

    /// Records [`Fill`] of a state with zeros.
    ///
    /// # Errors
    /// If it is no state.
    pub fn clear(&mut self, state: TensorId) -> Result<(), RecordError> {
        let fits = self.is_state(state);
        self.expect(fits, "fill", &[state], || "a state".to_owned())?;
        self.push_into(Op::Fill(Fill { value: 0.0 }), Vec::new(), vec![state]);
        Ok(())
    }
}
