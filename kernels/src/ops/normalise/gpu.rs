//! GPU side of [`super::Normalise`].

use super::Normalise;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `normalise.wgsl`.
    NormaliseParams { n: u32, eps: f32, }
}

const NORMALISE: Shader = Shader::new::<NormaliseParams>("normalise", &[wgsl!("normalise.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[NORMALISE];

pub(crate) fn dispatches(op: &Normalise, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let params = NormaliseParams { n: n as u32, eps: op.eps };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(NORMALISE, &params, operands, groups_of(n.div_ceil(64)))]
}
