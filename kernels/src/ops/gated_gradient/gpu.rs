//! GPU side of [`super::GatedGradient`].

use super::GatedGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::activation_gradient::gpu::SLOPE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gated_gradient.wgsl`.
    GatedGradientParams { n: u32, kind: u32, }
}

const GATED_GRADIENT: Shader = Shader::new::<GatedGradientParams>(
    "gated_gradient",
    &[ACTIVATE, SLOPE, wgsl!("gated_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GATED_GRADIENT];

pub(crate) fn dispatches(op: &GatedGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let params = GatedGradientParams { n: n as u32, kind: op.activation.number() };
    let operands = vec![site.read(0), site.read(1), site.read(2), site.write(0), site.write(1)];
    vec![Dispatch::new(GATED_GRADIENT, &params, operands, groups_of(n.div_ceil(64)))]
}
