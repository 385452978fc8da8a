//! CPU twin of [`super::PairLoss`].

use super::PairLoss;
use crate::engine::cpu::Context;
use crate::ops::cross_entropy::cpu::LogSum;

pub(crate) fn run(op: &PairLoss, cx: &mut Context<'_>) {
    let [n_rows, n_cols] = op.extents(cx.inputs[0].shape);
    let (x, y) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    let [loss, rows] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    let mut total = 0.0;
    let pairs = x.chunks_exact(n_cols.max(1)).zip(y.chunks_exact(n_cols.max(1)));
    for ((x, y), row) in pairs.zip(rows.data.chunks_exact_mut(3)) {
        let differences = x.iter().zip(y).map(|(x, y)| f64::from(*x) - f64::from(*y));
        let (own, sums) = match op {
            PairLoss::Squares => {
                (differences.map(|gap| gap * gap).sum::<f64>() / n_cols as f64, [0.0; 2])
            }
            // log(1 + e^−gap), without overflow.
            PairLoss::Preference => {
                let softplus = |gap: f64| (-gap).max(0.0) + (-gap.abs()).exp().ln_1p();
                (differences.map(softplus).sum::<f64>() / n_cols as f64, [0.0; 2])
            }
            PairLoss::Divergence => {
                let sums = [x, y].map(|logits| cx.isa.run(LogSum(logits)));
                let share = |(x, y): (&f32, &f32)| {
                    let (log_p, log_q) = (f64::from(*y) - sums[1], f64::from(*x) - sums[0]);
                    log_p.exp() * (log_p - log_q)
                };
                (x.iter().zip(y).map(share).sum(), sums)
            }
        };
        total += own;
        row.copy_from_slice(&[own as f32, sums[0] as f32, sums[1] as f32]);
    }
    loss.data[0] = (total / n_rows.max(1) as f64) as f32;
}
