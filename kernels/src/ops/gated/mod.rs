//! Gated products: `y = act(gate) · up` (Shazeer 2020, arXiv 2002.05202).
//!
//! Shapes: gate, up alike → like them.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::activation::Activation;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of a gated product.
#[derive(Clone, Copy, Debug)]
pub struct Gated {
    /// Applied to the gate.
    pub activation: Activation,
}

impl Recorder {
    /// Records [`Gated`]: inputs gate, up.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn gated(
        &mut self,
        gate: TensorId,
        up: TensorId,
        activation: Activation,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(gate);
        let fits = shape == self.shape(up);
        self.expect(fits, "gated", &[gate, up], || "equal shapes".to_owned())?;
        Ok(self.push(Op::Gated(Gated { activation }), vec![gate, up], &[(shape, DType::F32)])[0])
    }
}
