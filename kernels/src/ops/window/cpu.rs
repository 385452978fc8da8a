//! CPU twin of [`super::Window`].

use super::Window;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Window, cx: &mut Context<'_>) {
    let x = cx.inputs[0].f32();
    let n = x.len() / op.n_rows;
    let (before, first) = ((-op.shift).max(0) as usize, op.shift.max(0) as usize);
    let before = before.min(op.n_cols);
    let n_taken = n.saturating_sub(first).min(op.n_cols - before);
    for (row, y) in cx.outputs[0].data.chunks_exact_mut(op.n_cols.max(1)).enumerate() {
        y[..before].fill(0.0);
        y[before + n_taken..].fill(0.0);
        if n_taken > 0 {
            y[before..][..n_taken].copy_from_slice(&x[row * n + first..][..n_taken]);
        }
    }
}
