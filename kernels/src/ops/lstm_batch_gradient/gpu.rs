//! GPU side of [`super::LstmBatchGradient`]: a workgroup a sequence, rows from the last one back.

use super::LstmBatchGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::gru::gpu::chunks;
use crate::ops::lstm_batch::gpu::LstmBatchParams;
use crate::shader_text::wgsl;

const LSTM_BATCH_GRADIENT: Shader = Shader::new::<LstmBatchParams>(
    "lstm_batch_gradient",
    &[ACTIVATE, wgsl!("lstm_batch_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[LSTM_BATCH_GRADIENT];

pub(crate) fn dispatches(op: &LstmBatchGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_sequences, d) = (op.of.n_sequences, site.input(2).shape.n_cols());
    let n_rows = site.input(0).shape.n_rows() / n_sequences;
    let work_of_row = 4 * d * d * n_sequences;
    let mut all: Vec<_> = chunks(site, n_rows, work_of_row).collect();
    all.reverse();
    all.into_iter()
        .map(|rows| {
            let params = LstmBatchParams {
                n_rows: n_rows as u32,
                d: d as u32,
                first: rows.start as u32,
                end: rows.end as u32,
            };
            let reads = [site.read(0), site.read(1), site.read(2)];
            let operands = [&reads[..], &[site.write(0), site.write(1)]].concat();
            let work = (rows.len() * work_of_row) as u64;
            Dispatch::new(LSTM_BATCH_GRADIENT, &params, operands, groups_of(n_sequences)).work(work)
        })
        .collect()
}
