//! GPU side of [`super::GruBatchGradient`]: a workgroup a sequence, rows from the last one back.

use super::GruBatchGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of};
use crate::ops::gru::gpu::chunks;
use crate::ops::gru_batch::gpu::GruBatchParams;
use crate::shader_text::wgsl;

const GRU_BATCH_GRADIENT: Shader =
    Shader::new::<GruBatchParams>("gru_batch_gradient", &[wgsl!("gru_batch_gradient.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GRU_BATCH_GRADIENT];

pub(crate) fn dispatches(op: &GruBatchGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let op = op.of;
    let (n_rows, d) = (site.input(0).shape.n_rows() / op.n_sequences, site.input(3).shape.n_cols());
    let work_of_row = 3 * d * d * op.n_sequences;
    let mut all: Vec<_> = chunks(site, n_rows, work_of_row).collect();
    all.reverse();
    all.into_iter()
        .map(|rows| {
            let params = GruBatchParams::new(&op, [n_rows, d], &rows);
            let operands = vec![
                site.read(0),
                site.read(1),
                site.read(2),
                site.read(3),
                site.read_if(op.has_shown, 4),
                site.write(0),
                site.write(1),
                site.write(2),
            ];
            let work = (rows.len() * work_of_row) as u64;
            Dispatch::new(GRU_BATCH_GRADIENT, &params, operands, groups_of(op.n_sequences)).work(work)
        })
        .collect()
}
