//! GPU side of [`super::GruBatch`]: a workgroup a sequence, its columns side by side, rows in order.

use super::GruBatch;
use crate::engine::dispatch::{Dispatch, Shader, Site, flag, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::gru::gpu::{RECURRENT, chunks};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gru_batch.wgsl` and of `gru_batch_gradient.wgsl`.
    GruBatchParams {
        n_rows: u32,
        d: u32,
        first: u32,
        end: u32,
        backwards: u32,
        has_start: u32,
        has_shown: u32,
    }
}

impl GruBatchParams {
    /// The op's numbers for some of the T rows of each sequence.
    pub(crate) fn new(op: &GruBatch, [n_rows, d]: [usize; 2], rows: &std::ops::Range<usize>) -> Self {
        Self {
            n_rows: n_rows as u32,
            d: d as u32,
            first: rows.start as u32,
            end: rows.end as u32,
            backwards: flag(op.backwards),
            has_start: flag(op.has_start),
            has_shown: flag(op.has_shown),
        }
    }
}

const GRU_BATCH: Shader = Shader::new::<GruBatchParams>(
    "gru_batch",
    &[ACTIVATE, RECURRENT, wgsl!("gru_batch.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GRU_BATCH];

pub(crate) fn dispatches(op: &GruBatch, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, d) = (site.input(0).shape.n_rows() / op.n_sequences, site.input(1).shape.n_cols());
    let work_of_row = 3 * d * d * op.n_sequences;
    chunks(site, n_rows, work_of_row)
        .map(|rows| {
            let params = GruBatchParams::new(op, [n_rows, d], &rows);
            let operands = vec![
                site.read(0),
                site.read(1),
                site.read(2),
                site.read_if(op.has_start, 3),
                site.read_if(op.has_shown, op.shown_idx()),
                site.write(0),
                site.write(1),
                site.write(2),
            ];
            let work = (rows.len() * work_of_row) as u64;
            Dispatch::new(GRU_BATCH, &params, operands, groups_of(op.n_sequences)).work(work)
        })
        .collect()
}
