//! Gradients of LayerNorm and RMSNorm from the statistics that they left.
//!
//! With x̂ = (x − μ)/σ (RMSNorm: μ = 0, σ the root of the mean square) and g = dy·γ:
//! `dx = (g − mean(g) − x̂·mean(g·x̂))/σ` (RMSNorm: without mean(g)), `dγ = Σ dy·x̂` and `dβ = Σ dy`
//! over the rows, without atomics.
//!
//! Shapes: x, dy `[T, d]` or `[T, groups·d]`, stats `[rows, 2]`, γ `[d]` (optional) → dx like x,
//! dγ `[d]`, dβ `[d]`; rows: T times the groups.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of the gradients of a norm.
#[derive(Clone, Copy, Debug)]
pub struct NormGradient {
    /// LayerNorm: the mean was taken off.
    pub centred: bool,
    /// Whether γ is given.
    pub has_gain: bool,
}

/// Gradients of a norm's operands.
#[derive(Clone, Copy, Debug)]
pub struct NormGradients {
    /// Of the rows.
    pub x: TensorId,
    /// Of γ.
    pub gain: TensorId,
    /// Of β.
    pub bias: TensorId,
}

impl Recorder {
    /// Records [`NormGradient`]: inputs x, dy, stats and perhaps gain.
    ///
    /// # Errors
    /// If they are not those of one norm.
    pub fn norm_gradient(
        &mut self,
        [x, dy, stats]: [TensorId; 3],
        gain: Option<TensorId>,
        centred: bool,
    ) -> Result<NormGradients, RecordError> {
        let shape = self.shape(x);
        let n_rows = self.shape(stats).n_rows();
        let d = shape.len() / n_rows.max(1);
        let inputs: Vec<_> = [Some(x), Some(dy), Some(stats), gain].into_iter().flatten().collect();
        let fits = shape == self.shape(dy)
            && n_rows * d == shape.len()
            && gain.is_none_or(|gain| self.shape(gain).len() == d);
        self.expect(fits, "norm_gradient", &inputs, || {
            "x and dy [T, d], stats [T, 2], gain [d]".to_owned()
        })?;
        let op = Op::NormGradient(NormGradient { centred, has_gain: gain.is_some() });
        let columns = (Shape::from([d]), DType::F32);
        let outputs = self.push(op, inputs, &[(shape, DType::F32), columns, columns]);
        Ok(NormGradients { x: outputs[0], gain: outputs[1], bias: outputs[2] })
    }
}
