//! Element-wise activations.
//!
//! Shapes: x any → like x. GELU (Hendrycks, Gimpel 2016, arXiv 1606.08415) exact and by tanh.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x·Φ(x) with the error function.
    GeluErf,
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
    GeluTanh,
    /// x·σ(x), also called swish.
    Silu,
    /// max(x, 0).
    Relu,
    /// tanh x.
    Tanh,
}

impl Activation {
    /// The function's value.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Self::GeluErf => 0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2)),
            Self::GeluTanh => {
                let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Relu => x.max(0.0),
            Self::Tanh => x.tanh(),
        }
    }
}

impl Recorder {
    /// Records [`Activation`]: input x.
    ///
    /// # Errors
    /// If x is not f32.
    pub fn activation(&mut self, x: TensorId, kind: Activation) -> Result<TensorId, RecordError> {
        let fits = self.dtype(x) == DType::F32;
        self.expect(fits, "activation", &[x], || "f32 values".to_owned())?;
        let shape = self.shape(x);
        Ok(self.push(Op::Activation(kind), vec![x], &[(shape, DType::F32)])[0])
    }
}
