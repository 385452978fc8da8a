//! GPU side of [`super::TopK`].

use super::TopK;
use crate::engine::dispatch::{Dispatch, ORDER, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `top_k.wgsl`.
    TopKParams { n_rows: u32, n_cols: u32, k: u32, }
}

const TOP_K: Shader =
    Shader::new::<TopKParams>("top_k", &[ORDER, REDUCE, wgsl!("top_k.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[TOP_K];

pub(crate) fn dispatches(op: &TopK, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = TopKParams {
        n_rows: shape.n_rows() as u32,
        n_cols: shape.n_cols() as u32,
        k: op.k as u32,
    };
    let operands = vec![site.read(0), site.write(0), site.write(1)];
    let dispatch = Dispatch::new(TOP_K, &params, operands, groups_of(shape.n_rows()))
        .constant("WORKGROUP_SIZE", site.reduction_width(shape.n_cols()))
        .work((shape.len() * op.k) as u64);
    vec![dispatch]
}
