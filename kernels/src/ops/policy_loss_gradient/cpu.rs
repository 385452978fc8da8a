//! CPU twin of [`super::PolicyLossGradient`].

use super::PolicyLossGradient;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &PolicyLossGradient, cx: &mut Context<'_>) {
    let n_cols = cx.inputs[0].shape.n_cols().max(1);
    let (logits, actions) = (cx.inputs[0].f32(), cx.indices(1));
    let (rows, dloss) = (cx.inputs[2].f32(), cx.inputs[3].f32()[0]);
    let n_counted = actions.iter().filter(|action| (**action as usize) < n_cols).count();
    let of_row = dloss / n_counted.max(1) as f32;
    let with_rows = logits.chunks_exact(n_cols).zip(rows.chunks_exact(3)).zip(actions);
    let outputs = cx.outputs[0].data.chunks_exact_mut(n_cols);
    for (((logits, row), &action), dx) in with_rows.zip(outputs) {
        let slope = of_row * row[1];
        for (dx, x) in dx.iter_mut().zip(logits) {
            *dx = -slope * (x - row[2]).exp();
        }
        if let Some(dx) = dx.get_mut(action as usize) {
            *dx += slope;
        }
    }
}
