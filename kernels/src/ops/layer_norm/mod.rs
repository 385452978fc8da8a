//! LayerNorm (Ba, Kiros, Hinton 2016, arXiv 1607.06450): `y = (x − μ)/σ · γ + β`,
//! `σ = √(var + ε)` with the biased variance, as in PyTorch.
//!
//! Shapes: x `[T, d]`, γ `[d]`, β `[d]` → y `[T, d]`, stats `[T, 2]` holding (μ, σ) of each row.

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

/// Parameters of a LayerNorm.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// ε, added to the variance.
    pub eps: f32,
    /// Whether γ is given.
    pub has_gain: bool,
    /// Whether β is given (after γ, or alone).
    pub has_bias: bool,
}

/// What a norm leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Normed {
    /// The normalised rows, `[T, d]`.
    pub y: TensorId,
    /// (mean, scale) of each input row, `[T, 2]`.
    pub stats: TensorId,
}

impl Recorder {
    /// Records [`LayerNorm`]: inputs x, then gain and bias where given.
    ///
    /// # Errors
    /// If x is no matrix or gain or bias is not one value a column.
    pub fn layer_norm(
        &mut self,
        x: TensorId,
        gain: Option<TensorId>,
        bias: Option<TensorId>,
        eps: f32,
    ) -> Result<Normed, RecordError> {
        let op = LayerNorm { eps, has_gain: gain.is_some(), has_bias: bias.is_some() };
        let inputs = [Some(x), gain, bias].into_iter().flatten().collect();
        self.norm(Op::LayerNorm(op), "layer_norm", inputs)
    }

    /// The shape rule that both norms share.
    pub(crate) fn norm(
        &mut self,
        op: Op,
        name: &'static str,
        inputs: Vec<TensorId>,
    ) -> Result<Normed, RecordError> {
        let shape = self.shape(inputs[0]);
        let d = inputs.get(1).map_or(shape.n_cols(), |&gain| self.shape(gain).len());
        // Only RMSNorm takes a row in groups.
        let is_whole = match op {
            Op::RmsNorm(_) => d > 0 && shape.n_cols().is_multiple_of(d),
            _ => d == shape.n_cols(),
        };
        let fits = shape.dims().len() == 2
            && is_whole
            && inputs[1..].iter().all(|&input| self.shape(input).len() == d);
        self.expect(fits, name, &inputs, || "x [T, d], gain [d], bias [d]".to_owned())?;
        let stats = Shape::from([shape.len() / d.max(1), 2]);
        let outputs = self.push(op, inputs, &[(shape, DType::F32), (stats, DType::F32)]);
        Ok(Normed { y: outputs[0], stats: outputs[1] })
    }
}
