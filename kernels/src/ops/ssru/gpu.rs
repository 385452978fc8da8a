//! GPU side of [`super::Ssru`]: one column an invocation, its rows in order.

use super::Ssru;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `ssru.wgsl`.
    SsruParams { n_rows: u32, n_cols: u32, }
}

const SSRU: Shader = Shader::new::<SsruParams>("ssru", &[STEP, wgsl!("ssru.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SSRU];

pub(crate) fn dispatches(_: &Ssru, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(1).shape;
    let params = SsruParams { n_rows: shape.n_rows() as u32, n_cols: shape.n_cols() as u32 };
    let operands = vec![site.read(0), site.read(1), site.write(0), site.write(1)];
    let groups = groups_of(shape.n_cols().div_ceil(64));
    vec![Dispatch::new(SSRU, &params, operands, groups).work(shape.len() as u64)]
}
