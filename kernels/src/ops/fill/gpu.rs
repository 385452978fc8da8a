//! GPU side of [`super::Fill`].

use super::Fill;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `fill.wgsl`.
    FillParams { n: u32, value: f32, }
}

const FILL: Shader = Shader::new::<FillParams>("fill", &[wgsl!("fill.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[FILL];

pub(crate) fn dispatches(op: &Fill, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let params = FillParams { n: n as u32, value: op.value };
    vec![Dispatch::new(FILL, &params, vec![site.write(0)], groups_of(n.div_ceil(64)))]
}
