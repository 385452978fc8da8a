//! CPU twin of [`super::Linear`].

use super::Linear;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Linear, cx: &mut Context<'_>) {
    let k = cx.inputs[0].shape.n_cols();
    let n = cx.inputs[1].shape.n_rows();
    let x = cx.inputs[0].f32(); // [T, k]
    let bias = op.has_bias.then(|| cx.inputs[2].f32()); // [n]
    let y = &mut *cx.outputs[0].data; // [T, n]
    let mut w_row = vec![0.0; k];
    for out_idx in 0..n {
        cx.inputs[1].read_row(out_idx, &mut w_row);
        let b = bias.map_or(0.0, |bias| bias[out_idx]);
        for (x_row, y_row) in x.chunks_exact(k).zip(y.chunks_exact_mut(n)) {
            y_row[out_idx] = b + x_row.iter().zip(&w_row).map(|(x, w)| x * w).sum::<f32>();
        }
    }
}
