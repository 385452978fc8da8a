//! GPU side of [`super::CrossEntropyGradient`].

use super::CrossEntropyGradient;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `cross_entropy_gradient.wgsl`.
    CrossEntropyGradientParams { n_rows: u32, n_cols: u32, smoothing: f32, }
}

/// How many rows count; needs [`REDUCE`].
pub(crate) const COUNTED: &str = wgsl!("../shared/counted.wgsl");

const CROSS_ENTROPY_GRADIENT: Shader = Shader::new::<CrossEntropyGradientParams>(
    "cross_entropy_gradient",
    &[REDUCE, COUNTED, wgsl!("cross_entropy_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[CROSS_ENTROPY_GRADIENT];

pub(crate) fn dispatches(op: &CrossEntropyGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let (n_rows, n_cols) = (shape.n_rows(), shape.n_cols());
    let params = CrossEntropyGradientParams {
        n_rows: n_rows as u32,
        n_cols: n_cols as u32,
        smoothing: op.of.smoothing,
    };
    let operands = vec![site.read(0), site.read(1), site.read(2), site.read(3), site.write(0)];
    // Each workgroup counts the targets for itself, and so serves several rows.
    let groups = groups_of(n_rows.div_ceil(8));
    let dispatch = Dispatch::new(CROSS_ENTROPY_GRADIENT, &params, operands, groups)
        .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
        .work((shape.len() + n_rows * n_rows.div_ceil(8)) as u64);
    vec![dispatch]
}
