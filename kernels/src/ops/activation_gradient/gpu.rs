//! GPU side of [`super::ActivationGradient`].

use super::ActivationGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `activation_gradient.wgsl`.
    ActivationGradientParams { n: u32, kind: u32, }
}

/// The derivatives themselves; needs [`ACTIVATE`].
pub(crate) const SLOPE: &str = wgsl!("../shared/slope.wgsl");

const ACTIVATION_GRADIENT: Shader = Shader::new::<ActivationGradientParams>(
    "activation_gradient",
    &[ACTIVATE, SLOPE, wgsl!("activation_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ACTIVATION_GRADIENT];

pub(crate) fn dispatches(op: &ActivationGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let params = ActivationGradientParams { n: n as u32, kind: op.activation.number() };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(ACTIVATION_GRADIENT, &params, operands, groups_of(n.div_ceil(64)))]
}
