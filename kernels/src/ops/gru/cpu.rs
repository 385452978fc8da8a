//! CPU twin of [`super::Gru`].

use super::Gru;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Gru, cx: &mut Context<'_>) {
    let (x, w, b) = (cx.inputs[0].f32(), cx.inputs[1].f32(), cx.inputs[2].f32());
    let (n_rows, d) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_cols());
    let past = cx.step.past as usize;
    let [h, gates, hidden] = &mut *cx.outputs else { unreachable!("gru writes three tensors") };
    let mut before = vec![0.0; d];
    if past > 0 && !op.backwards {
        before.copy_from_slice(&hidden.data[(past - 1) * d..][..d]);
    } else if op.has_start {
        before.copy_from_slice(cx.inputs[3].f32());
    }
    for idx in 0..n_rows {
        let row = if op.backwards { n_rows - 1 - idx } else { idx };
        let x = &x[row * 3 * d..][..3 * d];
        let gates = &mut gates.data[row * 3 * d..][..3 * d];
        for col in 0..d {
            let [r, z, n] = [0, 1, 2].map(|gate| {
                let at = gate * d + col;
                dot(&w[at * d..][..d], &before) + b[at]
            });
            let r = sigmoid(x[col] + r);
            gates[col] = r;
            gates[d + col] = sigmoid(x[d + col] + z);
            gates[2 * d + col] = (x[2 * d + col] + r * n).tanh();
        }
        for (col, before) in before.iter_mut().enumerate() {
            let (z, n) = (gates[d + col], gates[2 * d + col]);
            *before = (1.0 - z) * n + z * *before;
        }
        h.data[row * d..][..d].copy_from_slice(&before);
        hidden.data[(past + row) * d..][..d].copy_from_slice(&before);
    }
}

/// Eight sums side by side, so that the compiler may take them at once.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a_chunks.0.iter().zip(b_chunks.0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_chunks.1.iter().zip(b_chunks.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
