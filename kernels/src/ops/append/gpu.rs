//! GPU side of [`super::Append`].

use super::Append;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `append.wgsl`.
    AppendParams { n: u32, n_cols: u32, }
}

const APPEND: Shader = Shader::new::<AppendParams>("append", &[STEP, wgsl!("append.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[APPEND];

pub(crate) fn dispatches(_: &Append, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = AppendParams { n: shape.len() as u32, n_cols: shape.n_cols() as u32 };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(APPEND, &params, operands, groups_of(shape.len().div_ceil(64)))]
}
