//! GPU side of [`super::CrossEntropy`]: rows, then their mean.

use super::CrossEntropy;
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `rows.wgsl` and `mean.wgsl`.
    CrossEntropyParams { n_rows: u32, n_cols: u32, smoothing: f32, }
}

const ROWS: Shader =
    Shader::new::<CrossEntropyParams>("cross_entropy.rows", &[REDUCE, wgsl!("rows.wgsl")]);
const MEAN: Shader =
    Shader::new::<CrossEntropyParams>("cross_entropy.mean", &[REDUCE, wgsl!("mean.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, MEAN];

pub(crate) fn dispatches(op: &CrossEntropy, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let (n_rows, n_cols) = (shape.n_rows(), shape.n_cols());
    let params = CrossEntropyParams {
        n_rows: n_rows as u32,
        n_cols: n_cols as u32,
        smoothing: op.smoothing,
    };
    let of_rows = vec![site.read(0), site.read(1), site.write(1)];
    let rows = Operand::Read(site.node.outputs[1]);
    let of_mean = vec![rows, site.read(1), site.write(0)];
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
            .work(2 * shape.len() as u64),
        Dispatch::new(MEAN, &params, of_mean, [1, 1, 1])
            .constant("WORKGROUP_SIZE", site.reduction_width(n_rows))
            .work(n_rows as u64),
    ]
}
