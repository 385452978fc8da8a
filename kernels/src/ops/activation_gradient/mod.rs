//! Gradient of an element-wise activation: `dx = dy · act'(x)`.
//!
//! Shapes: x, dy alike → like them.

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

/// Parameters of the gradient of an activation.
#[derive(Clone, Copy, Debug)]
pub struct ActivationGradient {
    /// Which function.
    pub activation: Activation,
}

impl Recorder {
    /// Records [`ActivationGradient`]: inputs x, dy.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn activation_gradient(
        &mut self,
        x: TensorId,
        dy: TensorId,
        activation: Activation,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = shape == self.shape(dy);
        self.expect(fits, "activation_gradient", &[x, dy], || "equal shapes".to_owned())?;
        let op = Op::ActivationGradient(ActivationGradient { activation });
        Ok(self.push(op, vec![x, dy], &[(shape, DType::F32)])[0])
    }
}
