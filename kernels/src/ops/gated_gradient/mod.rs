//! Gradients of a gated product `act(gate)·up`: `dgate = dy·up·act'(gate)`, `dup = dy·act(gate)`.
//!
//! Shapes: gate, up, dy alike → dgate, dup like them.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::activation::Activation;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of the gradients of a gated product.
#[derive(Clone, Copy, Debug)]
pub struct GatedGradient {
    /// Applied to the gate.
    pub activation: Activation,
}

impl Recorder {
    /// Records [`GatedGradient`]: inputs gate, up, dy; the gradients of gate and up.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn gated_gradient(
        &mut self,
        [gate, up, dy]: [TensorId; 3],
        activation: Activation,
    ) -> Result<[TensorId; 2], RecordError> {
        let shape = self.shape(gate);
        let fits = shape == self.shape(up) && shape == self.shape(dy);
        self.expect(fits, "gated_gradient", &[gate, up, dy], || "equal shapes".to_owned())?;
        let op = Op::GatedGradient(GatedGradient { activation });
        let outputs = self.push(op, vec![gate, up, dy], &[(shape, DType::F32); 2]);
        Ok([outputs[0], outputs[1]])
    }
}
