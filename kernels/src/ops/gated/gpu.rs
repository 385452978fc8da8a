//! GPU side of [`super::Gated`].

use super::Gated;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gated.wgsl`.
    GatedParams { n_fours: u32, kind: u32, }
}

const GATED: Shader = Shader::new::<GatedParams>("gated", &[ACTIVATE, wgsl!("gated.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GATED];

pub(crate) fn dispatches(op: &Gated, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = GatedParams { n_fours: n_fours as u32, kind: op.activation.number() };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(GATED, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
