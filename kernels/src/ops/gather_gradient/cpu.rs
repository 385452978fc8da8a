//! CPU twin of [`super::GatherGradient`].

use super::GatherGradient;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &GatherGradient, cx: &mut Context<'_>) {
    let (dy, ids) = (cx.inputs[0].f32(), cx.indices(1)); // [T, d], [T]
    let table = &mut cx.outputs[0]; // [n, d]
    let d = table.shape.n_cols().max(1);
    table.data.fill(0.0);
    for (dy, &id) in dy.chunks_exact(d).zip(ids) {
        if let Some(row) = table.data.chunks_exact_mut(d).nth(id as usize) {
            row.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
        }
    }
}
