//! GPU side of [`super::SoftmaxGradient`].

use super::SoftmaxGradient;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `softmax_gradient.wgsl`.
    SoftmaxGradientParams { n_rows: u32, n_cols: u32, }
}

const SOFTMAX_GRADIENT: Shader = Shader::new::<SoftmaxGradientParams>(
    "softmax_gradient",
    &[REDUCE, wgsl!("softmax_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SOFTMAX_GRADIENT];

pub(crate) fn dispatches(_: &SoftmaxGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params =
        SoftmaxGradientParams { n_rows: shape.n_rows() as u32, n_cols: shape.n_cols() as u32 };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    let dispatch = Dispatch::new(SOFTMAX_GRADIENT, &params, operands, groups_of(shape.n_rows()))
        .constant("WORKGROUP_SIZE", site.reduction_width(shape.n_cols()))
        .work(2 * shape.len() as u64);
    vec![dispatch]
}
