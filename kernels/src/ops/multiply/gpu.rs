//! GPU side of [`super::Multiply`].

use super::Multiply;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `multiply.wgsl`.
    MultiplyParams { n_fours: u32, }
}

const MULTIPLY: Shader = Shader::new::<MultiplyParams>("multiply", &[wgsl!("multiply.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[MULTIPLY];

pub(crate) fn dispatches(_: &Multiply, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = MultiplyParams { n_fours: n_fours as u32 };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(MULTIPLY, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
