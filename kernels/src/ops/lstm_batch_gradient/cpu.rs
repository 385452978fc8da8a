//! CPU twin of [`super::LstmBatchGradient`]: a product over all sequences for each step of time.

use super::LstmBatchGradient;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};

pub(crate) fn run(op: &LstmBatchGradient, cx: &mut Context<'_>) {
    let [dh, gates, w] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let (d, n_sequences) = (cx.inputs[2].shape.n_cols(), op.of.n_sequences);
    let n_rows = cx.inputs[0].shape.n_rows() / n_sequences;
    let [dx, carry] = &mut *cx.outputs else { unreachable!("two gradients") };
    carry.data.fill(0.0);
    for row in (0..n_rows).rev() {
        for (sequence, carry) in carry.data.chunks_exact_mut(2 * d).enumerate() {
            let at = sequence * n_rows + row;
            let dx = &mut dx.data[at * 4 * d..][..4 * d];
            let (dh, own) = (&dh[at * d..][..d], &gates[at * 5 * d..][..5 * d]);
            let cell: &[f32] = if row == 0 { &[] } else { &gates[at * 5 * d - d..][..d] };
            let (of_h, of_c) = carry.split_at_mut(d);
            for col in 0..d {
                let [i, f, g, o, c] = [0, 1, 2, 3, 4].map(|gate| own[gate * d + col]);
                let (before, tanh) = (cell.get(col).copied().unwrap_or(0.0), c.tanh());
                let whole = dh[col] + of_h[col];
                let dc = of_c[col] + whole * o * (1.0 - tanh * tanh);
                dx[col] = dc * g * i * (1.0 - i);
                dx[d + col] = dc * before * f * (1.0 - f);
                dx[2 * d + col] = dc * i * (1.0 - g * g);
                dx[3 * d + col] = whole * tanh * o * (1.0 - o);
                of_c[col] = dc * f;
            }
        }
        let slopes = Matrix::rows(&dx.data[row * 4 * d..], n_rows * 4 * d);
        let factors = [slopes, Matrix::rows(w, d)];
        let extents = [n_sequences, d, 4 * d];
        gemm(cx.isa, factors, extents, &mut cx.scratch.gemm, (&mut *carry.data, 2 * d), false);
    }
}
