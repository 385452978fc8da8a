//! CPU twin of [`super::PairLossGradient`].

use super::PairLossGradient;
use crate::engine::cpu::Context;
use crate::ops::pair_loss::PairLoss;

pub(crate) fn run(op: &PairLossGradient, cx: &mut Context<'_>) {
    let [n_rows, n_cols] = op.of.extents(cx.inputs[0].shape);
    let [x, y, rows, dloss] = [0, 1, 2, 3].map(|idx| cx.inputs[idx].f32());
    let of_row = dloss[0] / n_rows.max(1) as f32;
    let of_value = of_row / n_cols.max(1) as f32;
    let cells = cx.outputs[0].data.iter_mut().zip(x.iter().zip(y)).enumerate();
    for (at, (dx, (x, y))) in cells {
        let sums = &rows[at / n_cols * 3 + 1..][..2];
        *dx = match op.of {
            PairLoss::Squares => 2.0 * of_value * (x - y),
            PairLoss::Preference => -of_value / (1.0 + (x - y).exp()),
            PairLoss::Divergence => of_row * ((x - sums[0]).exp() - (y - sums[1]).exp()),
        };
    }
}
