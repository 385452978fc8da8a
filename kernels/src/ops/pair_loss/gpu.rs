//! GPU side of [`super::PairLoss`]: rows, then their mean.

use super::PairLoss;
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of pair_loss and of its gradient.
    PairLossParams { n_rows: u32, n_cols: u32, kind: u32, }
}

const ROWS: Shader = Shader::new::<PairLossParams>("pair_loss.rows", &[REDUCE, wgsl!("rows.wgsl")]);
const MEAN: Shader = Shader::new::<PairLossParams>("pair_loss.mean", &[REDUCE, wgsl!("mean.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, MEAN];

pub(crate) fn dispatches(op: &PairLoss, site: &Site<'_>) -> Vec<Dispatch> {
    let [n_rows, n_cols] = op.extents(site.input(0).shape);
    let params =
        PairLossParams { n_rows: n_rows as u32, n_cols: n_cols as u32, kind: op.number() };
    let of_rows = vec![site.read(0), site.read(1), site.write(1)];
    let of_mean = vec![Operand::Read(site.node.outputs[1]), site.write(0)];
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
            .work(4 * (n_rows * n_cols) as u64),
        Dispatch::new(MEAN, &params, of_mean, [1, 1, 1])
            .constant("WORKGROUP_SIZE", site.reduction_width(n_rows))
            .work(n_rows as u64),
    ]
}
