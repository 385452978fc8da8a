//! GPU side of [`super::AttentionFlash`].

use super::AttentionFlash;
use crate::engine::dispatch::{Dispatch, Shader, Site, flag, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `attention_flash.wgsl`.
    AttentionFlashParams {
        n_rows: u32,
        n_keys: u32,
        n_heads: u32,
        n_kv_heads: u32,
        d_head: u32,
        block_rows: u32,
        block_keys: u32,
        n_across: u32,
        n_passes: u32,
        causal: u32,
        has_tiles: u32,
        scale: f32,
    }
}

const ATTENTION_FLASH: Shader =
    Shader::new::<AttentionFlashParams>("attention_flash", &[wgsl!("attention_flash.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ATTENTION_FLASH];

pub(crate) fn dispatches(op: &AttentionFlash, site: &Site<'_>) -> Vec<Dispatch> {
    let heads = op.heads;
    let extents = [0, 1].map(|idx| site.input(idx).shape.n_rows());
    let [n_blocks, n_across] = op.n_blocks(extents);
    let params = AttentionFlashParams {
        n_rows: extents[0] as u32,
        n_keys: extents[1] as u32,
        n_heads: heads.n_heads as u32,
        n_kv_heads: heads.n_kv_heads as u32,
        d_head: heads.d_head as u32,
        block_rows: op.block_rows as u32,
        block_keys: op.block_keys as u32,
        n_across: n_across as u32,
        n_passes: op.n_passes as u32,
        causal: flag(op.causal),
        has_tiles: flag(op.has_tiles),
        scale: heads.scale,
    };
    let operands = vec![
        site.read(0),
        site.read(1),
        site.read(2),
        site.read_if(op.has_tiles, 3),
        site.write(0),
        site.write(1),
    ];
    let work = 2 * extents[0] * extents[1] * heads.n_heads * heads.d_head;
    let groups = [n_blocks as u32, heads.n_heads as u32, 1];
    let (rows, keys, d) = (op.block_rows as u32, op.block_keys as u32, heads.d_head as u32);
    let dispatch = Dispatch::new(ATTENTION_FLASH, &params, operands, groups)
        .constant("Q_LEN", rows * d)
        .constant("KV_LEN", keys * d)
        .constant("S_LEN", rows * keys)
        .constant("ROWS", rows)
        .work(work as u64);
    vec![dispatch]
}
