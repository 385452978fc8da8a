//! GPU side of [`super::AttentionFlashGradient`]: what each row needs, then all tiles of a head in one workgroup.

use super::AttentionFlashGradient;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of both shaders.
    AttentionFlashGradientParams {
        n_rows: u32,
        n_keys: u32,
        n_heads: u32,
        d_head: u32,
        block_rows: u32,
        block_keys: u32,
        n_row_blocks: u32,
        n_key_blocks: u32,
        causal: u32,
        scale: f32,
    }
}

/// A shader of this op.
macro_rules! shader {
    ($name:literal, $part:literal) => {
        Shader::new::<AttentionFlashGradientParams>($name, &[wgsl!("params.wgsl"), wgsl!($part)])
    };
}

const ROWS: Shader = shader!("attention_flash_gradient.rows", "rows.wgsl");
const TILES: Shader = shader!("attention_flash_gradient.tiles", "tiles.wgsl");

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROWS, TILES];

pub(crate) fn dispatches(op: &AttentionFlashGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let (of, heads) = (op.of, op.of.heads);
    let extents = [3, 4].map(|idx| site.input(idx).shape.n_rows());
    let [n_row_blocks, n_key_blocks] = op.counted(extents);
    let params = AttentionFlashGradientParams {
        n_rows: extents[0] as u32,
        n_keys: extents[1] as u32,
        n_heads: heads.n_heads as u32,
        d_head: heads.d_head as u32,
        block_rows: of.block_rows as u32,
        block_keys: of.block_keys as u32,
        n_row_blocks: n_row_blocks as u32,
        n_key_blocks: n_key_blocks as u32,
        causal: flag(of.causal),
        scale: heads.scale,
    };
    let [dz, z, stats, q, k, v] = [0, 1, 2, 3, 4, 5].map(|idx| site.read(idx));
    let n_all = extents[0] * heads.n_heads;
    let of_rows = vec![dz.clone(), z, stats, site.write(3)];
    let rows = Operand::Read(site.node.outputs[3]);
    let operands = vec![q, k, v, dz, rows, site.write(0), site.write(1), site.write(2)];
    let (size, keys, d) = (of.block_rows as u32, of.block_keys as u32, heads.d_head as u32);
    let work = 5 * extents[0] * extents[1] * heads.n_heads * heads.d_head;
    let tiles = Dispatch::new(TILES, &params, operands, [heads.n_heads as u32, 1, 1])
        .constant("ROWS_LEN", size * d)
        .constant("KEYS_LEN", keys * d)
        .constant("TILE_LEN", size * keys)
        .constant("ROWS", size)
        .work(work as u64);
    vec![Dispatch::new(ROWS, &params, of_rows, groups_of(n_all.div_ceil(64))), tiles]
}
