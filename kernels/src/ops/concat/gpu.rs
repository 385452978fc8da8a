//! GPU side of [`super::Concat`]: one value an invocation.

use super::Concat;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `concat.wgsl`.
    ConcatParams { n_rows: u32, n_left: u32, n_right: u32, }
}

const CONCAT: Shader = Shader::new::<ConcatParams>("concat", &[wgsl!("concat.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[CONCAT];

pub(crate) fn dispatches(_: &Concat, site: &Site<'_>) -> Vec<Dispatch> {
    let (a, b) = (site.input(0).shape, site.input(1).shape);
    let params = ConcatParams {
        n_rows: a.n_rows() as u32,
        n_left: a.n_cols() as u32,
        n_right: b.n_cols() as u32,
    };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    let groups = groups_of(site.output(0).shape.len().div_ceil(64));
    vec![Dispatch::new(CONCAT, &params, operands, groups)]
}
