//! GPU side of [`super::Gather`].

use super::Gather;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, groups_of, params};
use crate::engine::weights::{Storage, texts};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gather.wgsl`.
    GatherParams {
        n_rows: u32,
        n_cols: u32,
        blocks_per_row: u32,
        extent: u32,
        piece_start: u32,
        piece_end: u32,
        table_end: u32,
    }
}

macro_rules! gather {
    ($weight:expr) => {
        Shader::new::<GatherParams>(
            "gather",
            &[$weight[0], $weight[1], $weight[2], wgsl!("gather.wgsl")],
        )
    };
}

/// All shaders of this op, by [`Storage`].
pub(crate) const SHADERS: &[Shader] = &[
    gather!(texts::PLAIN),
    gather!(texts::F32),
    gather!(texts::F16),
    gather!(texts::BF16),
    gather!(texts::Q4),
    gather!(texts::Q8),
    gather!(texts::NIBBLES),
    gather!(texts::BYTES),
    gather!(texts::BYTES_MINIMA),
];

pub(crate) fn dispatches(_: &Gather, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.output(0).shape;
    let storage = Storage::of(site.input(0));
    let n_invocations = shape.n_rows() * shape.n_cols().div_ceil(8);
    let pieces = site.pieces(0).into_iter().enumerate();
    pieces
        .map(|(piece_idx, rows)| {
            let params = GatherParams {
                n_rows: shape.n_rows() as u32,
                n_cols: shape.n_cols() as u32,
                blocks_per_row: storage.blocks_per_row(shape.n_cols()) as u32,
                extent: storage.extent(rows.len(), shape.n_cols()) as u32,
                piece_start: rows.start as u32,
                piece_end: rows.end as u32,
                table_end: site.input(0).shape.n_rows() as u32,
            };
            let table = Operand::Piece(site.node.inputs[0], piece_idx);
            let operands = vec![table, site.read(1), site.write(0)];
            let groups = groups_of(n_invocations.div_ceil(64));
            Dispatch::new(SHADERS[storage as usize], &params, operands, groups)
        })
        .collect()
}
