//! GPU side of [`super::AttentionScores`].

use super::AttentionScores;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, flag, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `attention_scores.wgsl`.
    AttentionScoresParams {
        n_rows: u32,
        n_keys: u32,
        n_heads: u32,
        group: u32,
        q_cols: u32,
        k_cols: u32,
        d_head: u32,
        keys_in_state: u32,
        scale: f32,
    }
}

const ATTENTION_SCORES: Shader = Shader::new::<AttentionScoresParams>(
    "attention_scores",
    &[STEP, wgsl!("attention_scores.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ATTENTION_SCORES];

pub(crate) fn dispatches(op: &AttentionScores, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, n_keys) = (site.input(0).shape.n_rows(), site.input(1).shape.n_rows());
    let params = AttentionScoresParams {
        n_rows: n_rows as u32,
        n_keys: n_keys as u32,
        n_heads: op.n_heads as u32,
        group: (op.n_heads / op.n_kv_heads) as u32,
        q_cols: (op.n_heads * op.d_head) as u32,
        k_cols: (op.n_kv_heads * op.d_head) as u32,
        d_head: op.d_head as u32,
        keys_in_state: flag(op.keys_in_state),
        scale: op.scale,
    };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    let groups = [n_keys.div_ceil(64) as u32, n_rows as u32, op.n_heads as u32];
    let work = site.output(0).shape.len() * op.d_head;
    vec![Dispatch::new(ATTENTION_SCORES, &params, operands, groups).work(work as u64)]
}
