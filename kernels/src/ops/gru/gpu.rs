//! GPU side of [`super::Gru`]: one workgroup, its columns side by side, rows in order.

use super::Gru;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, flag, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gru.wgsl`.
    GruParams {
        n_rows: u32,
        d: u32,
        first: u32,
        end: u32,
        backwards: u32,
        has_start: u32,
    }
}

/// Shader text: what recurrent units share.
pub(crate) const RECURRENT: &str = wgsl!("../shared/recurrent.wgsl");

const GRU: Shader = Shader::new::<GruParams>("gru", &[STEP, ACTIVATE, RECURRENT, wgsl!("gru.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GRU];

pub(crate) fn dispatches(op: &Gru, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, d) = (site.input(0).shape.n_rows(), site.input(1).shape.n_cols());
    chunks(site, n_rows, 3 * d * d)
        .map(|rows| {
            let params = GruParams {
                n_rows: n_rows as u32,
                d: d as u32,
                first: rows.start as u32,
                end: rows.end as u32,
                backwards: flag(op.backwards),
                has_start: flag(op.has_start),
            };
            let operands = vec![
                site.read(0),
                site.read(1),
                site.read(2),
                site.read_if(op.has_start, 3),
                site.write(0),
                site.write(1),
                site.write(2),
            ];
            let work = rows.len() * 3 * d * d * SLOWNESS;
            Dispatch::new(GRU, &params, operands, [1, 1, 1]).work(work as u64)
        })
        .collect()
}

/// How much slower one workgroup is than all of them.
pub(crate) const SLOWNESS: usize = 16;

/// The rows of each launch, in the order in which they run, so that each is short.
pub(crate) fn chunks(
    site: &Site<'_>,
    n_rows: usize,
    work_of_row: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
    let n = (site.traits.work_per_submit as usize / (SLOWNESS * work_of_row).max(1)).max(1);
    (0..n_rows).step_by(n).map(move |first| first..(first + n).min(n_rows))
}
