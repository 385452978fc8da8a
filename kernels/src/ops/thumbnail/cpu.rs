//! CPU twin of [`super::Thumbnail`].

use super::Thumbnail;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Thumbnail, cx: &mut Context<'_>) {
    let shape = cx.inputs[0].shape;
    let (n_maps, n_rows, n_cols) = (shape.dims()[0], shape.dims()[1], shape.dims()[2]);
    let n = (cx.step.past as usize + op.n_rows).min(n_rows).min(n_cols);
    let side = cx.outputs[0].shape.n_cols();
    let block = n.div_ceil(side).max(1);
    let first_row = cx.step.thumbnail_from as usize / block;
    let maps = cx.inputs[0].f32(); // [n_maps, C, S]
    for map in 0..n_maps {
        let wall = &mut cx.outputs[0].data[(op.first_map + map) * side * side..][..side * side];
        wall[(first_row * side).min(side * side)..].fill(0.0);
        for row in first_row * block..n {
            let values = &maps[(map * n_rows + row) * n_cols..][..n];
            let cells = &mut wall[row / block * side..][..side];
            for (cell, values) in cells.iter_mut().zip(values.chunks(block)) {
                *cell = values.iter().copied().fold(*cell, f32::max);
            }
        }
    }
}
