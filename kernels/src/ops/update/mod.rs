//! One step of an optimiser on one parameter, in place: SGD with momentum (as PyTorch's), Adam
//! (Kingma, Ba 2015, arXiv 1412.6980), AdamW (Loshchilov, Hutter 2019, arXiv 1711.05101), Lion
//! (Chen et al. 2023, arXiv 2302.06675).
//!
//! Shapes: gradient, parameter (a state) and up to two moments (states) alike; constants `[8]`
//! ([`Constants`]); norm `[2]` of [`crate::ops::sum_squares`] (optional): the gradient is cut so
//! that all together are no longer than `max_norm`, as PyTorch's `clip_grad_norm_` does.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::TensorId;

/// How a gradient changes a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent.
    Sgd {
        /// Of the running sum of gradients; 0: none is kept.
        momentum: f32,
        /// Looks ahead by one step.
        nesterov: bool,
        /// Weight decay, added to the gradient.
        decay: f32,
    },
    /// Adam and AdamW.
    Adam {
        /// Of the running mean.
        beta1: f32,
        /// Of the running mean square.
        beta2: f32,
        /// Added to the root.
        eps: f32,
        /// Weight decay.
        decay: f32,
        /// AdamW: the decay leaves the moments alone.
        decoupled: bool,
    },
    /// The sign of a running mean.
    Lion {
        /// Of the mean that is followed.
        beta1: f32,
        /// Of the mean that is kept.
        beta2: f32,
        /// Weight decay, decoupled.
        decay: f32,
    },
}

impl Rule {
    /// States beside the parameter.
    pub fn n_moments(self) -> usize {
        match self {
            Self::Sgd { momentum: 0.0, .. } => 0,
            Self::Sgd { .. } | Self::Lion { .. } => 1,
            Self::Adam { .. } => 2,
        }
    }
}

/// What changes from step to step: one input `[8]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Learning rate.
    pub rate: f32,
    /// 1 − β₁ᵗ.
    pub bias1: f32,
    /// 1 − β₂ᵗ.
    pub bias2: f32,
    /// Longest that all gradients together may be; 0: any length.
    pub max_norm: f32,
    /// Multiplies every gradient first (1/n after n batches).
    pub scale: f32,
}

impl Constants {
    /// Those of step `step`, the first being 1.
    pub fn at(step: u32, rate: f32, beta1: f32, beta2: f32) -> Self {
        let bias = |beta: f32| (1.0 - f64::from(beta).powf(f64::from(step))) as f32;
        Self { rate, bias1: bias(beta1), bias2: bias(beta2), max_norm: 0.0, scale: 1.0 }
    }

    /// As the input takes them.
    pub fn values(self) -> [f32; 8] {
        [self.rate, self.bias1, self.bias2, self.max_norm, self.scale, 0.0, 0.0, 0.0]
    }

    /// Back from [`Constants::values`].
    pub(crate) fn from_values(values: &[f32]) -> Self {
        Self {
            rate: values[0],
            bias1: values[1],
            bias2: values[2],
            max_norm: values[3],
            scale: values[4],
        }
    }

    /// What a gradient is multiplied by, where all together have the square norm `total`.
    pub(crate) fn factor(self, total: Option<f32>) -> f32 {
        let Some(total) = total.filter(|_| self.max_norm > 0.0) else { return self.scale };
        let norm = total.sqrt() * self.scale;
        let cut = self.max_norm / (norm + 1e-6);
        // A NaN passes through and is seen.
        if cut >= 1.0 { self.scale } else { self.scale * cut }
    }
}

/// Parameters of an update.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// How the gradient is applied.
    pub rule: Rule,
    /// Whether the norm of all gradients is given (last input).
    pub has_norm: bool,
}

impl Recorder {
    /// Records [`Update`]: inputs gradient, constants and perhaps norm; outputs parameter and
    /// moments.
    ///
    /// # Errors
    /// If the parameter or a moment is no state like the gradient, or another number of moments
    /// belongs to the rule.
    pub fn update(
        &mut self,
        rule: Rule,
        parameter: TensorId,
        moments: &[TensorId],
        gradient: TensorId,
        constants: TensorId,
        norm: Option<TensorId>,
    ) -> Result<(), RecordError> {
        let shape = self.shape(gradient);
        let outputs = [&[parameter], moments].concat();
        let fits = outputs.iter().all(|&id| self.is_state(id) && self.shape(id) == shape)
            && moments.len() == rule.n_moments()
            && self.shape(constants).len() == 8
            && norm.is_none_or(|norm| self.shape(norm).len() == 2);
        let operands = [&outputs[..], &[gradient, constants]].concat();
        self.expect(fits, "update", &operands, || {
            format!("{} moments like the parameter, states all, constants [8]", rule.n_moments())
        })?;
        let inputs = [Some(gradient), Some(constants), norm].into_iter().flatten().collect();
        self.push_into(Op::Update(Update { rule, has_norm: norm.is_some() }), inputs, outputs);
        Ok(())
    }
}
