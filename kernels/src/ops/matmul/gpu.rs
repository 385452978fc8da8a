//! GPU side of [`super::Matmul`].

use super::Matmul;
use crate::engine::dispatch::{Dispatch, Shader, Site, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `matmul.wgsl`.
    MatmulParams {
        n_rows: u32,
        n_cols: u32,
        n_inner: u32,
        first_row: u32,
        a_row: u32,
        a_col: u32,
        b_row: u32,
        b_col: u32,
    }
}

const MATMUL: Shader = Shader::new::<MatmulParams>("matmul", &[wgsl!("matmul.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[MATMUL];

/// Rows and columns of C that a workgroup computes.
const TILE: usize = 64;

pub(crate) fn dispatches(op: &Matmul, site: &Site<'_>) -> Vec<Dispatch> {
    let (a, b) = (site.input(0).shape, site.input(1).shape);
    let ([m, n, k], _) = op.extents(a, b);
    let strides = |turned: bool, cols: usize| if turned { [1, cols] } else { [cols, 1] };
    let (a, b) = (strides(op.a_turned, a.n_cols()), strides(op.b_turned, b.n_cols()));
    // A launch never exceeds what one submit may take.
    let a_tile_row = (TILE * k.max(1) * n.next_multiple_of(TILE)).max(1);
    let rows_a_launch = (site.traits.work_per_submit as usize / a_tile_row).max(1) * TILE;
    let firsts = (0..m).step_by(rows_a_launch);
    firsts
        .map(|first_row| {
            let end_row = (first_row + rows_a_launch).min(m);
            let params = MatmulParams {
                n_rows: end_row as u32,
                n_cols: n as u32,
                n_inner: k as u32,
                first_row: first_row as u32,
                a_row: a[0] as u32,
                a_col: a[1] as u32,
                b_row: b[0] as u32,
                b_col: b[1] as u32,
            };
            let operands = vec![site.read(0), site.read(1), site.write(0)];
            let n_tiles = (end_row - first_row).div_ceil(TILE);
            let groups = [n.div_ceil(TILE) as u32, n_tiles as u32, 1];
            let work = (n_tiles * a_tile_row) as u64;
            Dispatch::new(MATMUL, &params, operands, groups).work(work)
        })
        .collect()
}
