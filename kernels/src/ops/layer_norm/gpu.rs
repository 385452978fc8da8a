//! GPU side of [`super::LayerNorm`].

use super::LayerNorm;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `layer_norm.wgsl`.
    LayerNormParams { n_rows: u32, n_cols: u32, has_gain: u32, has_bias: u32, eps: f32, }
}

const LAYER_NORM: Shader =
    Shader::new::<LayerNormParams>("layer_norm", &[REDUCE, wgsl!("layer_norm.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[LAYER_NORM];

pub(crate) fn dispatches(op: &LayerNorm, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = LayerNormParams {
        n_rows: shape.n_rows() as u32,
        n_cols: shape.n_cols() as u32,
        has_gain: flag(op.has_gain),
        has_bias: flag(op.has_bias),
        eps: op.eps,
    };
    let operands = vec![
        site.read(0),
        site.read_if(op.has_gain, 1),
        site.read_if(op.has_bias, 1 + usize::from(op.has_gain)),
        site.write(0),
        site.write(1),
    ];
    let dispatch = Dispatch::new(LAYER_NORM, &params, operands, groups_of(shape.n_rows()))
        .constant("WORKGROUP_SIZE", site.reduction_width(shape.n_cols()))
        .work(3 * shape.len() as u64);
    vec![dispatch]
}
