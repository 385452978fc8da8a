//! GPU side of [`super::AdditiveAttentionGradient`]: scores and queries by rows, then keys.

use super::AdditiveAttentionGradient;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, groups_of};
use crate::ops::activation::gpu::ACTIVATE;
use crate::ops::additive_attention::gpu::AdditiveAttentionParams;
use crate::shader_text::wgsl;

const SCORES: Shader = Shader::new::<AdditiveAttentionParams>(
    "additive_attention_gradient.scores",
    &[REDUCE, wgsl!("scores.wgsl")],
);
const QUERIES: Shader = Shader::new::<AdditiveAttentionParams>(
    "additive_attention_gradient.queries",
    &[ACTIVATE, wgsl!("queries.wgsl")],
);
const KEYS: Shader = Shader::new::<AdditiveAttentionParams>(
    "additive_attention_gradient.keys",
    &[ACTIVATE, wgsl!("keys.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SCORES, QUERIES, KEYS];

pub(crate) fn dispatches(op: &AdditiveAttentionGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let shapes = [1, 2, 4].map(|idx| site.input(idx).shape);
    let extents = op.of.extents(shapes[0], shapes[1], shapes[2]);
    let params = AdditiveAttentionParams::new(&op.of, extents);
    let [n_rows, n_keys, a, c] = extents;
    let (n_rows, n_sources) = (n_rows * op.of.n_sequences, n_keys * op.of.n_sequences);
    let (dz, q, k, v) = (site.read(0), site.read(1), site.read(2), site.read(3));
    let (values, pattern) = (site.read(4), site.read(5));
    let (dq, dk, dvalues, dv) = (site.write(0), site.write(1), site.write(2), site.write(3));
    let de = site.write(4);
    let of_scores = vec![dz.clone(), values, pattern.clone(), de.clone()];
    let of_queries = vec![q.clone(), k.clone(), v.clone(), de.clone(), dq, dv];
    let of_keys = vec![dz, q, k, v, pattern, de, dk, dvalues];
    let work = |n_cols: usize| (n_rows * n_keys * n_cols) as u64;
    vec![
        Dispatch::new(SCORES, &params, of_scores, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(n_keys))
            .work(work(c)),
        Dispatch::new(QUERIES, &params, of_queries, groups_of((n_rows * a).div_ceil(64)))
            .work(work(8 * a)),
        Dispatch::new(KEYS, &params, of_keys, groups_of((n_sources * a.max(c)).div_ceil(64)))
            .work(work(8 * a + c)),
    ]
}
