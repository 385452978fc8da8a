//! GPU side of [`super::Lstm`]: one workgroup, its columns side by side, rows in order.

use super::Lstm;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::gru::gpu::{RECURRENT, SLOWNESS, chunks};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `lstm.wgsl`.
    LstmParams { d: u32, first: u32, end: u32, }
}

const LSTM: Shader = Shader::new::<LstmParams>("lstm", &[STEP, ACTIVATE, RECURRENT, wgsl!("lstm.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[LSTM];

pub(crate) fn dispatches(_: &Lstm, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, d) = (site.input(0).shape.n_rows(), site.input(1).shape.n_cols());
    chunks(site, n_rows, 4 * d * d)
        .map(|rows| {
            let params =
                LstmParams { d: d as u32, first: rows.start as u32, end: rows.end as u32 };
            let operands = vec![
                site.read(0),
                site.read(1),
                site.read(2),
                site.write(0),
                site.write(1),
                site.write(2),
                site.write(3),
            ];
            let work = rows.len() * 4 * d * d * SLOWNESS;
            Dispatch::new(LSTM, &params, operands, [1, 1, 1]).work(work as u64)
        })
        .collect()
}
