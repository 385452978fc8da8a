//! CPU twin of [`super::Softmax`].

use super::Softmax;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Softmax, cx: &mut Context<'_>) {
    let shape = cx.inputs[0].shape;
    let (n_maps, n_rows, n_cols) = (shape.dims()[0], shape.dims()[1], shape.dims()[2]);
    let scores = cx.inputs[0].f32(); // [n_maps, T, S]
    let padding = op.has_padding.then(|| cx.indices(1)); // [S]
    let bias_idx = 1 + usize::from(op.has_padding);
    let bias = op.has_bias.then(|| (cx.inputs[bias_idx].f32(), cx.inputs[bias_idx].shape.dims()[0]));
    let step = cx.step;
    let out = &mut cx.outputs[0];
    let (n_out_rows, first_row) =
        if op.into_state { (out.shape.dims()[1], step.past as usize) } else { (n_rows, 0) };
    for map in 0..n_maps {
        for t in 0..n_rows {
            let end = op.row_end(t, n_rows, n_cols, step);
            let scores = &scores[(map * n_rows + t) * n_cols..][..n_cols];
            let row = &mut out.data[(map * n_out_rows + first_row + t) * n_cols..][..n_cols];
            row[end..].fill(0.0);
            let (row, hidden) = (&mut row[..end], |col: usize| padding.is_some_and(|mask| mask[col] == 0));
            let mut max = f32::NEG_INFINITY;
            for (col, value) in row.iter_mut().enumerate() {
                *value = scores[col]
                    + bias.map_or(0.0, |(bias, n)| bias[((map % n) * n_rows + t) * n_cols + col]);
                if !hidden(col) {
                    max = max.max(*value);
                }
            }
            let mut sum = 0.0;
            for (col, value) in row.iter_mut().enumerate() {
                *value = if hidden(col) || max == f32::NEG_INFINITY { 0.0 } else { (*value - max).exp() };
                sum += *value;
            }
            if sum > 0.0 {
                row.iter_mut().for_each(|value| *value /= sum);
            }
        }
    }
}
