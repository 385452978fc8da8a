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

/// What the shaders of tiles share; needs [`HEADS`].
const TILES: &str = wgsl!("tiles.wgsl");

const ROWS: Shader = shader!("attention_recomputed_gradient.rows", HEADS, wgsl!("rows.wgsl"));
const QUERIES: Shader = shader!(
    "attention_recomputed_gradient.queries",
    PHILOX,
    HEADS,
    TILES,
    SCORE,
    wgsl!("queries.wgsl")
);
const KEYS: Shader =
    shader!("attention_recomputed_gradient.keys", PHILOX, HEADS, TILES, SCORE, wgsl!("keys.wgsl"));
const VALUES: Shader = shader!(
    "attention_recomputed_gradient.values",
    PHILOX,
    HEADS,
    TILES,
    SCORE,
    wgsl!("values.wgsl")
);

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
    let shared = [q, k, v, dz, shown, extra, rows];
    let with = |idx: usize| [&shared[..], &[site.write(idx)]].concat();
    vec![
        Dispatch::new(ROWS, &params, of_rows, groups_of(n_rows.div_ceil(64))),
        Dispatch::new(QUERIES, &params, with(0), groups_of(n_rows)).work(3 * work),
        Dispatch::new(KEYS, &params, with(1), groups_of(n_keys)).work(3 * work),
        Dispatch::new(VALUES, &params, with(2), groups_of(n_keys)).work(2 * work),
    ]
}
