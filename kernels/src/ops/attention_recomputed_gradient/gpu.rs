//! GPU side of [`super::AttentionRecomputedGradient`]: what each row needs, then queries, keys, values.

use super::AttentionRecomputedGradient;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, groups_of};
use crate::ops::attention::gpu::{AttentionParams, HEADS};
use crate::ops::attention_recomputed::gpu::{SCORE, numbers};
use crate::ops::dropout::gpu::PHILOX;
use crate::shader_text::wgsl;

/// A shader of this op.
macro_rules! shader {
    ($name:literal, $($part:expr),*) => {
        Shader::new::<AttentionParams>($name, &[$($part),*])
    };
}

const ROWS: Shader = shader!("attention_recomputed_gradient.rows", HEADS, wgsl!("rows.wgsl"));
const QUERIES: Shader = shader!(
    "attention_recomputed_gradient.queries",
    PHILOX,
    HEADS,
    SCORE,
    wgsl!("queries.wgsl")
);
const KEYS: Shader =
    shader!("attention_recomputed_gradient.keys", PHILOX, HEADS, SCORE, wgsl!("keys.wgsl"));
const VALUES: Shader =
    shader!("attention_recomputed_gradient.values", PHILOX, HEADS, SCORE, wgsl!("values.wgsl"));

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, QUERIES, KEYS, VALUES];

pub(crate) fn dispatches(op: &AttentionRecomputedGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let (params, [shown, extra]) = numbers(&op.of, site, 3);
    let [dz, z, stats, q, k, v] = [0, 1, 2, 3, 4, 5].map(|idx| site.read(idx));
    let rows = Operand::Read(site.node.outputs[3]);
    let n_rows = (params.n_maps * params.n_rows) as usize;
    let n_keys = op.of.n_sequences * op.of.n_kv_heads * params.n_cols as usize;
    let work = (n_rows * params.n_cols as usize * op.of.d_head) as u64;
    let of_rows = vec![stats, dz.clone(), z, site.write(3)];
    let beside = [shown, extra, rows];
    let of_queries =
        [&[q.clone(), k.clone(), v.clone(), dz.clone()][..], &beside, &[site.write(0)]].concat();
    let of_keys =
        [&[q.clone(), k.clone(), v, dz.clone()][..], &beside, &[site.write(1)]].concat();
    let of_values = [&[q, k, dz][..], &beside, &[site.write(2)]].concat();
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows.div_ceil(64))),
        Dispatch::new(QUERIES, &params, of_queries, groups_of(n_rows)).work(3 * work),
        Dispatch::new(KEYS, &params, of_keys, groups_of(n_keys)).work(3 * work),
        Dispatch::new(VALUES, &params, of_values, groups_of(n_keys)).work(2 * work),
    ]
}
