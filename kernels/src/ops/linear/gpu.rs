//! GPU side of [`super::Linear`]: which variant for which shape, and its pieces.
//!
//! A launch never exceeds [`Traits::work_per_submit`](crate::engine::dispatch::Traits): rows of x,
//! then rows of W, are split over several.

use super::Linear;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, params};
use crate::engine::weights::{N_STORAGES, Storage, texts};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the variants of linear.
    LinearParams {
        n_rows: u32,
        n_cols: u32,
        first_row: u32,
        first_out: u32,
        end_out: u32,
        out_start: u32,
        out_stride: u32,
        blocks_per_row: u32,
        extent: u32,
        has_bias: u32,
    }
}

/// One variant for each [`Storage`].
macro_rules! family {
    ($label:literal, $tile:literal, $file:literal) => {
        family!(@ $label, $tile, $file, PLAIN, F32, F16, BF16, Q4, Q8, NIBBLES, BYTES, BYTES_MINIMA)
    };
    (@ $label:literal, $tile:literal, $file:literal, $($storage:ident),*) => {
        [$(Shader::new::<LinearParams>(
            $label,
            &[
                $tile,
                texts::$storage[0],
                texts::$storage[1],
                texts::$storage[2],
                wgsl!("operands.wgsl"),
                wgsl!($file),
            ],
        ),)*]
    };
}

const ROWS_1: [Shader; N_STORAGES] = family!("linear.rows_1", "const TILE_T: u32 = 1u;\n", "rows.wgsl");
const ROWS_4: [Shader; N_STORAGES] = family!("linear.rows_4", "const TILE_T: u32 = 4u;\n", "rows.wgsl");
const ROWS_8: [Shader; N_STORAGES] = family!("linear.rows_8", "const TILE_T: u32 = 8u;\n", "rows.wgsl");
const LANES_1: [Shader; N_STORAGES] = family!("linear.lanes_1", "const TILE_T: u32 = 1u;\n", "lanes.wgsl");
const LANES_4: [Shader; N_STORAGES] = family!("linear.lanes_4", "const TILE_T: u32 = 4u;\n", "lanes.wgsl");
const TILES: [Shader; N_STORAGES] = family!("linear.tiles", "", "tiles.wgsl");

const FAMILIES: [&[Shader; N_STORAGES]; 6] = [&ROWS_1, &ROWS_4, &ROWS_8, &LANES_1, &LANES_4, &TILES];

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &{
    let mut all = [ROWS_1[0]; FAMILIES.len() * N_STORAGES];
    let mut idx = 0;
    while idx < all.len() {
        all[idx] = FAMILIES[idx / N_STORAGES][idx % N_STORAGES];
        idx += 1;
    }
    all
};

/// A variant and the tile that one of its workgroups covers.
struct Variant {
    shaders: &'static [Shader; N_STORAGES],
    /// Rows of x.
    tile_rows: usize,
    /// Rows of W.
    tile_outs: usize,
}

fn variant_for(n_rows: usize, software: bool) -> Variant {
    let (shaders, tile_rows, tile_outs) = match (software, n_rows) {
        (true, 1) => (&ROWS_1, 1, 64),
        (true, 2..=4) => (&ROWS_4, 4, 64),
        (true, _) => (&ROWS_8, 8, 64),
        (false, 1) => (&LANES_1, 1, 8),
        (false, 2..=8) => (&LANES_4, 4, 8),
        (false, _) => (&TILES, 64, 64),
    };
    Variant { shaders, tile_rows, tile_outs }
}

pub(crate) fn dispatches(op: &Linear, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, n_cols) = (site.input(0).shape.n_rows(), site.input(0).shape.n_cols());
    let storage = Storage::of(site.input(1));
    let variant = variant_for(n_rows, site.traits.software);
    let shader = variant.shaders[storage as usize];
    // How many rows of W, then of x, fit into one launch.
    let max_outs = (site.traits.work_per_submit as usize / (n_cols * variant.tile_rows).max(1))
        .max(variant.tile_outs)
        / variant.tile_outs
        * variant.tile_outs;
    let mut dispatches = Vec::new();
    for (piece_idx, piece) in site.pieces(1).into_iter().enumerate() {
        let outs_per_launch = piece.len().min(max_outs);
        let max_rows = (site.traits.work_per_submit as usize / (n_cols * outs_per_launch).max(1))
            .max(variant.tile_rows)
            / variant.tile_rows
            * variant.tile_rows;
        for first_out in (0..piece.len()).step_by(outs_per_launch.max(1)) {
            let end_out = (first_out + outs_per_launch).min(piece.len());
            for first_row in (0..n_rows).step_by(max_rows) {
                let end_row = (first_row + max_rows).min(n_rows);
                let params = LinearParams {
                    n_rows: end_row as u32,
                    n_cols: n_cols as u32,
                    first_row: first_row as u32,
                    first_out: first_out as u32,
                    end_out: end_out as u32,
                    out_start: piece.start as u32,
                    out_stride: site.output(0).shape.n_cols() as u32,
                    blocks_per_row: storage.blocks_per_row(n_cols) as u32,
                    extent: storage.extent(piece.len(), n_cols) as u32,
                    has_bias: flag(op.has_bias),
                };
                let operands = vec![
                    site.read(0),
                    Operand::Piece(site.node.inputs[1], piece_idx),
                    site.read_if(op.has_bias, 2),
                    site.write(0),
                ];
                let (n_outs, n_tile_rows) = (end_out - first_out, end_row - first_row);
                let groups = [
                    n_outs.div_ceil(variant.tile_outs) as u32,
                    n_tile_rows.div_ceil(variant.tile_rows) as u32,
                    1,
                ];
                let dispatch = Dispatch::new(shader, &params, operands, groups)
                    .constant("X_WHOLE", flag(n_cols.is_multiple_of(32)))
                    .work((n_outs * n_tile_rows * n_cols) as u64);
                dispatches.push(dispatch);
            }
        }
    }
    dispatches
}
