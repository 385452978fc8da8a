//! CPU twin of [`super::Lstm`].

use super::Lstm;
use crate::engine::cpu::Context;
use crate::ops::gru::cpu::{dot, sigmoid};

pub(crate) fn run(_: &Lstm, cx: &mut Context<'_>) {
    let (x, w, b) = (cx.inputs[0].f32(), cx.inputs[1].f32(), cx.inputs[2].f32());
    let (n_rows, d) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_cols());
    let past = cx.step.past as usize;
    let [h, gates, hidden, cells] = &mut *cx.outputs else {
        unreachable!("lstm writes four tensors")
    };
    let (mut before, mut cell) = (vec![0.0; d], vec![0.0; d]);
    if past > 0 {
        before.copy_from_slice(&hidden.data[(past - 1) * d..][..d]);
        cell.copy_from_slice(&cells.data[(past - 1) * d..][..d]);
    }
    for row in 0..n_rows {
        let x = &x[row * 4 * d..][..4 * d];
        let gates = &mut gates.data[row * 4 * d..][..4 * d];
        for (at, gate) in gates.iter_mut().enumerate() {
            let sum = x[at] + dot(&w[at * d..][..d], &before) + b[at];
            *gate = if at / d == 2 { sum.tanh() } else { sigmoid(sum) };
        }
        for col in 0..d {
            cell[col] = gates[d + col] * cell[col] + gates[col] * gates[2 * d + col];
            before[col] = gates[3 * d + col] * cell[col].tanh();
        }
        h.data[row * d..][..d].copy_from_slice(&before);
        hidden.data[(past + row) * d..][..d].copy_from_slice(&before);
        cells.data[(past + row) * d..][..d].copy_from_slice(&cell);
    }
}
