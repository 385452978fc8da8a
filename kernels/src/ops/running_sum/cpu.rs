//! CPU twin of [`super::RunningSum`].

use super::RunningSum;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &RunningSum, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    let n_rows = cx.inputs[0].shape.n_rows() / op.n_sequences;
    let x = cx.inputs[0].f32();
    let y = &mut *cx.outputs[0].data;
    // Long sums of both signs: in f64, so that what cancels leaves what is right.
    let mut sums = vec![0.0_f64; n];
    for sequence in 0..op.n_sequences {
        sums.fill(0.0);
        for idx in 0..n_rows {
            let row = if op.reversed { n_rows - 1 - idx } else { idx };
            let at = (sequence * n_rows + row) * n;
            for ((sum, x), y) in sums.iter_mut().zip(&x[at..]).zip(&mut y[at..]) {
                *sum += f64::from(*x);
                *y = *sum as f32;
            }
        }
    }
}
