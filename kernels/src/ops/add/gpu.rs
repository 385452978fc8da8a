//! GPU side of [`super::Add`].

use super::Add;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `add.wgsl`.
    AddParams { n_fours: u32, }
}

const ADD: Shader = Shader::new::<AddParams>("add", &[wgsl!("add.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ADD];

pub(crate) fn dispatches(_: &Add, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = AddParams { n_fours: n_fours as u32 };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(ADD, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
