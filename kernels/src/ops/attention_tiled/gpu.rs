//! GPU side of [`super::AttentionTiled`].

use super::AttentionTiled;
use crate::ops::softmax::gpu::slopes_operand;
use crate::engine::dispatch::{Dispatch, REDUCE, STEP, Shader, Site, flag, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `attention_tiled.wgsl`.
    AttentionTiledParams {
        n_rows: u32,
        n_keys: u32,
        n_heads: u32,
        group: u32,
        d_head: u32,
        kv_cols: u32,
        keys_in_state: u32,
        causal: u32,
        has_padding: u32,
        window: u32,
        alibi: u32,
        n_distances: u32,
        scale: f32,
    }
}

const ATTENTION_TILED: Shader = Shader::new::<AttentionTiledParams>(
    "attention_tiled",
    &[STEP, REDUCE, wgsl!("attention_tiled.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ATTENTION_TILED];

pub(crate) fn dispatches(op: &AttentionTiled, site: &Site<'_>) -> Vec<Dispatch> {
    let heads = op.heads;
    let distances_idx = 3 + usize::from(op.has_padding);
    let (n_rows, n_keys) = (site.input(0).shape.n_rows(), site.input(1).shape.n_rows());
    let params = AttentionTiledParams {
        n_rows: n_rows as u32,
        n_keys: n_keys as u32,
        n_heads: heads.n_heads as u32,
        group: (heads.n_heads / heads.n_kv_heads) as u32,
        d_head: heads.d_head as u32,
        kv_cols: (heads.n_kv_heads * heads.d_head) as u32,
        keys_in_state: flag(heads.keys_in_state),
        causal: flag(op.causal),
        has_padding: flag(op.has_padding),
        window: op.reach.window as u32,
        alibi: flag(op.reach.alibi),
        n_distances: if op.has_distances { site.input(distances_idx).shape.n_cols() as u32 } else { 0 },
        scale: heads.scale,
    };
    let operands = vec![
        site.read(0),
        site.read(1),
        site.read(2),
        site.read_if(op.has_padding, 3),
        slopes_operand(site, op.reach, heads.n_heads, op.has_distances.then_some(distances_idx)),
        site.write(0),
        site.write(1),
    ];
    let groups = [n_rows as u32, heads.n_heads as u32, 1];
    // Each invocation owns up to eight columns.
    let width = if heads.d_head <= 512 { 64 } else { 256 };
    let work = 2 * n_rows * n_keys * heads.n_heads * heads.d_head;
    let dispatch = Dispatch::new(ATTENTION_TILED, &params, operands, groups)
        .constant("WORKGROUP_SIZE", width)
        .work(work as u64);
    vec![dispatch]
}
