//! GPU side of [`super::LstmBatch`]: a workgroup a sequence, its columns side by side, rows in order.

use super::LstmBatch;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::gru::gpu::{RECURRENT, chunks};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `lstm_batch.wgsl` and of `lstm_batch_gradient.wgsl`.
    LstmBatchParams { n_rows: u32, d: u32, first: u32, end: u32, }
}

const LSTM_BATCH: Shader = Shader::new::<LstmBatchParams>(
    "lstm_batch",
    &[ACTIVATE, RECURRENT, wgsl!("lstm_batch.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[LSTM_BATCH];

pub(crate) fn dispatches(op: &LstmBatch, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, d) = (site.input(0).shape.n_rows() / op.n_sequences, site.input(1).shape.n_cols());
    let work_of_row = 4 * d * d * op.n_sequences;
    chunks(site, n_rows, work_of_row)
        .map(|rows| {
            let params = LstmBatchParams {
                n_rows: n_rows as u32,
                d: d as u32,
                first: rows.start as u32,
                end: rows.end as u32,
            };
            let reads = [site.read(0), site.read(1), site.read(2)];
            let operands = [&reads[..], &[site.write(0), site.write(1), site.write(2)]].concat();
            let work = (rows.len() * work_of_row) as u64;
            Dispatch::new(LSTM_BATCH, &params, operands, groups_of(op.n_sequences)).work(work)
        })
        .collect()
}
