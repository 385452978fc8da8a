//! GPU side of [`super::NormGradient`]: rows, then columns.

use super::NormGradient;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `rows.wgsl` and `columns.wgsl`.
    NormGradientParams { n_rows: u32, n_cols: u32, centred: u32, has_gain: u32, }
}

const ROWS: Shader =
    Shader::new::<NormGradientParams>("norm_gradient.rows", &[REDUCE, wgsl!("rows.wgsl")]);
const COLUMNS: Shader =
    Shader::new::<NormGradientParams>("norm_gradient.columns", &[wgsl!("columns.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, COLUMNS];

pub(crate) fn dispatches(op: &NormGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, d) = (site.input(2).shape.n_rows(), site.output(1).shape.len());
    let params = NormGradientParams {
        n_rows: n_rows as u32,
        n_cols: d as u32,
        centred: flag(op.centred),
        has_gain: flag(op.has_gain),
    };
    let reads = [site.read(0), site.read(1), site.read(2)];
    let of_rows = [&reads[..], &[site.read_if(op.has_gain, 3), site.write(0)]].concat();
    let of_columns = [&reads[..], &[site.write(1), site.write(2)]].concat();
    let work = (4 * n_rows * d) as u64;
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(d))
            .work(work),
        Dispatch::new(COLUMNS, &params, of_columns, groups_of(d.div_ceil(16))).work(work),
    ]
}
