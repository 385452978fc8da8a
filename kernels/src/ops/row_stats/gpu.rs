//! GPU side of [`super::RowStats`].

use super::{EntropyOf, RowStats};
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `row_stats.wgsl`.
    RowStatsParams { n_rows: u32, n_cols: u32, of_logits: u32, }
}

const ROW_STATS: Shader =
    Shader::new::<RowStatsParams>("row_stats", &[REDUCE, wgsl!("row_stats.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROW_STATS];

pub(crate) fn dispatches(op: &RowStats, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = RowStatsParams {
        n_rows: shape.n_rows() as u32,
        n_cols: shape.n_cols() as u32,
        of_logits: flag(op.entropy_of == EntropyOf::Logits),
    };
    let operands = vec![site.read(0), site.write(0)];
    let dispatch = Dispatch::new(ROW_STATS, &params, operands, groups_of(shape.n_rows()))
        .constant("WORKGROUP_SIZE", site.reduction_width(shape.n_cols()))
        .work(4 * shape.len() as u64);
    vec![dispatch]
}
