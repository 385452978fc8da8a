//! GPU side of [`super::LinearInt8`]: a row of W and a few rows of x an invocation.

use super::LinearInt8;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, params};
use crate::engine::weights::Storage;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `linear_int8.wgsl`.
    LinearInt8Params {
        n_rows: u32,
        n_cols: u32,
        first_row: u32,
        first_out: u32,
        end_out: u32,
        out_start: u32,
        out_stride: u32,
        extent: u32,
        has_bias: u32,
    }
}

const LINEAR_INT8: Shader =
    Shader::new::<LinearInt8Params>("linear_int8", &[wgsl!("linear_int8.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[LINEAR_INT8];

/// Rows of x that an invocation meets.
const TILE_ROWS: usize = 4;

/// Invocations of a workgroup.
const WORKGROUP_SIZE: usize = 64;

pub(crate) fn dispatches(op: &LinearInt8, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_rows, n_cols) = (site.input(0).shape.n_rows(), site.input(0).shape.n_cols());
    let work = site.traits.work_per_submit as usize;
    let of_tile = (n_cols * TILE_ROWS).max(1);
    let outs_per_launch = (work / of_tile).max(WORKGROUP_SIZE);
    let mut dispatches = Vec::new();
    for (piece_idx, piece) in site.pieces(1).into_iter().enumerate() {
        for first_out in (0..piece.len()).step_by(outs_per_launch) {
            let end_out = (first_out + outs_per_launch).min(piece.len());
            let n_outs = end_out - first_out;
            let max_rows = (work / (n_cols * n_outs).max(1)).max(TILE_ROWS);
            for first_row in (0..n_rows).step_by(max_rows) {
                let end_row = (first_row + max_rows).min(n_rows);
                let params = LinearInt8Params {
                    n_rows: end_row as u32,
                    n_cols: n_cols as u32,
                    first_row: first_row as u32,
                    first_out: first_out as u32,
                    end_out: end_out as u32,
                    out_start: piece.start as u32,
                    out_stride: site.output(0).shape.n_cols() as u32,
                    extent: Storage::Bytes.extent(piece.len(), n_cols) as u32,
                    has_bias: flag(op.has_bias),
                };
                let operands = vec![
                    site.read(0),
                    Operand::Piece(site.node.inputs[1], piece_idx),
                    site.read(2),
                    site.read_if(op.has_bias, 3),
                    site.write(0),
                ];
                let n_tiles = (end_row - first_row).div_ceil(TILE_ROWS);
                let groups = [n_outs.div_ceil(WORKGROUP_SIZE) as u32, n_tiles as u32, 1];
                let work = n_outs * (end_row - first_row) * n_cols;
                dispatches.push(
                    Dispatch::new(LINEAR_INT8, &params, operands, groups).work(work as u64),
                );
            }
        }
    }
    dispatches
}
