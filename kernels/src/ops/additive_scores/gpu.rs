//! GPU side of [`super::AdditiveScores`]: one cell an invocation.

use super::AdditiveScores;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `additive_scores.wgsl`.
    AdditiveScoresParams { n_rows: u32, n_keys: u32, n_cols: u32, }
}

const ADDITIVE_SCORES: Shader = Shader::new::<AdditiveScoresParams>(
    "additive_scores",
    &[ACTIVATE, wgsl!("additive_scores.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ADDITIVE_SCORES];

pub(crate) fn dispatches(_: &AdditiveScores, site: &Site<'_>) -> Vec<Dispatch> {
    let (q, n_keys) = (site.input(0).shape, site.input(1).shape.n_rows());
    let params = AdditiveScoresParams {
        n_rows: q.n_rows() as u32,
        n_keys: n_keys as u32,
        n_cols: q.n_cols() as u32,
    };
    let operands = vec![site.read(0), site.read(1), site.read(2), site.write(0)];
    let groups = groups_of((q.n_rows() * n_keys).div_ceil(64));
    let work = 8 * q.len() * n_keys;
    vec![Dispatch::new(ADDITIVE_SCORES, &params, operands, groups).work(work as u64)]
}
