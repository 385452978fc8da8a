//! GPU side of [`super::Argmax`].

use super::Argmax;
use crate::engine::dispatch::{Dispatch, ORDER, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `argmax.wgsl`.
    ArgmaxParams { n_rows: u32, n_cols: u32, }
}

const ARGMAX: Shader =
    Shader::new::<ArgmaxParams>("argmax", &[ORDER, REDUCE, wgsl!("argmax.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ARGMAX];

pub(crate) fn dispatches(_: &Argmax, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = ArgmaxParams { n_rows: shape.n_rows() as u32, n_cols: shape.n_cols() as u32 };
    let operands = vec![site.read(0), site.write(0)];
    let dispatch = Dispatch::new(ARGMAX, &params, operands, groups_of(shape.n_rows()))
        .constant("WORKGROUP_SIZE", site.reduction_width(shape.n_cols()))
        .work(shape.len() as u64);
    vec![dispatch]
}
