//! CPU twin of [`super::Gather`].

use super::Gather;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Gather, cx: &mut Context<'_>) {
    let ids = cx.indices(1);
    let d = cx.outputs[0].shape.n_cols(); // y: [T, d]
    let n = cx.inputs[0].shape.n_rows(); // table: [n, d]
    for (row, &id) in cx.outputs[0].data.chunks_exact_mut(d).zip(ids) {
        if (id as usize) < n {
            cx.inputs[0].read_row(id as usize, row);
        } else {
            row.fill(0.0);
        }
    }
}
