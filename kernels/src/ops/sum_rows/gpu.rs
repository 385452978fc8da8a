//! GPU side of [`super::SumRows`].

use super::SumRows;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `sum_rows.wgsl`.
    SumRowsParams { n_rows: u32, n_cols: u32, }
}

const SUM_ROWS: Shader = Shader::new::<SumRowsParams>("sum_rows", &[wgsl!("sum_rows.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SUM_ROWS];

pub(crate) fn dispatches(_: &SumRows, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = SumRowsParams { n_rows: shape.n_rows() as u32, n_cols: shape.n_cols() as u32 };
    let operands = vec![site.read(0), site.write(0)];
    let groups = groups_of(shape.n_cols().div_ceil(16));
    vec![Dispatch::new(SUM_ROWS, &params, operands, groups).work(shape.len() as u64)]
}
