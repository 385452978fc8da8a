//! GPU side of [`super::PolicyLoss`]: rows, then their mean.

use super::PolicyLoss;
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of policy_loss and of its gradient.
    PolicyLossParams { n_rows: u32, n_cols: u32, clip: f32, }
}

const ROWS: Shader =
    Shader::new::<PolicyLossParams>("policy_loss.rows", &[REDUCE, wgsl!("rows.wgsl")]);
const MEAN: Shader =
    Shader::new::<PolicyLossParams>("policy_loss.mean", &[REDUCE, wgsl!("mean.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, MEAN];

pub(crate) fn dispatches(op: &PolicyLoss, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let (n_rows, n_cols) = (shape.n_rows(), shape.n_cols());
    let params =
        PolicyLossParams { n_rows: n_rows as u32, n_cols: n_cols as u32, clip: op.clip };
    let of_rows = vec![site.read(0), site.read(1), site.read(2), site.read(3), site.write(1)];
    let of_mean = vec![Operand::Read(site.node.outputs[1]), site.read(1), site.write(0)];
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
            .work(2 * shape.len() as u64),
        Dispatch::new(MEAN, &params, of_mean, [1, 1, 1])
            .constant("WORKGROUP_SIZE", site.reduction_width(n_rows))
            .work(n_rows as u64),
    ]
}
