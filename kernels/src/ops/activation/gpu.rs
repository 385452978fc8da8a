//! GPU side of [`super::Activation`].

use super::Activation;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `activation.wgsl`.
    ActivationParams { n_fours: u32, kind: u32, }
}

/// The functions themselves.
pub(crate) const ACTIVATE: &str = wgsl!("../shared/activate.wgsl");

const ACTIVATION: Shader =
    Shader::new::<ActivationParams>("activation", &[ACTIVATE, wgsl!("activation.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ACTIVATION];

impl Activation {
    /// The function's number in `shared/activate.wgsl`.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::GeluErf => 0,
            Self::GeluTanh => 1,
            Self::Silu => 2,
            Self::Relu => 3,
            Self::Tanh => 4,
        }
    }
}

pub(crate) fn dispatches(op: &Activation, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = ActivationParams { n_fours: n_fours as u32, kind: op.number() };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(ACTIVATION, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
