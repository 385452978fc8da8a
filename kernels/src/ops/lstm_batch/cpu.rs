//! CPU twin of [`super::LstmBatch`]: a product over all sequences for each step of time.

use super::LstmBatch;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};
use crate::ops::activation::Activation;
use crate::simd::math::{Sigmoid, map};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &LstmBatch, cx: &mut Context<'_>) {
    let (x, w, b) = (cx.inputs[0].f32(), cx.inputs[1].f32(), cx.inputs[2].f32());
    let (d, n_sequences) = (cx.inputs[1].shape.n_cols(), op.n_sequences);
    let n_rows = cx.inputs[0].shape.n_rows() / n_sequences;
    let [h, gates, before] = &mut *cx.outputs else { unreachable!("lstm_batch writes three") };
    let products = &mut cx.scratch.row; // [B, 4d]
    products.resize(n_sequences * 4 * d, 0.0);
    for row in 0..n_rows {
        for sequence in 0..n_sequences {
            let at = sequence * n_rows + row;
            let before = &mut before.data[at * d..][..d];
            match row {
                0 => before.fill(0.0),
                _ => before.copy_from_slice(&h.data[(at - 1) * d..][..d]),
            }
        }
        let states = Matrix::rows(&before.data[row * d..], n_rows * d);
        let factors = [states, Matrix::rows(w, d).turned()];
        let extents = [n_sequences, 4 * d, d];
        gemm(cx.isa, factors, extents, &mut cx.scratch.gemm, (products, 4 * d), false);
        for (sequence, sums) in products.chunks_exact_mut(4 * d).enumerate() {
            let at = sequence * n_rows + row;
            let (cells, gates) = gates.data.split_at_mut(at * 5 * d);
            cx.isa.run(Unit {
                x: &x[at * 4 * d..][..4 * d],
                sums,
                bias: b,
                cell: if row == 0 { &[] } else { &cells[at * 5 * d - d..] },
                gates: &mut gates[..5 * d],
                h: &mut h.data[at * d..][..d],
            });
        }
    }
}

/// One row of one sequence.
struct Unit<'a> {
    x: &'a [f32],
    /// The products with the hidden state; room for sums.
    sums: &'a mut [f32],
    bias: &'a [f32],
    /// The cell before; empty at the first row.
    cell: &'a [f32],
    gates: &'a mut [f32],
    h: &'a mut [f32],
}

impl Kernel for Unit<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let d = self.h.len();
        let Self { x, sums, bias, cell, gates, h } = self;
        for ((sum, x), b) in sums.iter_mut().zip(x).zip(bias) {
            *sum += x + b;
        }
        let (gates, cells) = gates.split_at_mut(4 * d);
        map(s, Sigmoid, &sums[..2 * d], &mut gates[..2 * d]);
        map(s, Activation::Tanh, &sums[2 * d..3 * d], &mut gates[2 * d..3 * d]);
        map(s, Sigmoid, &sums[3 * d..], &mut gates[3 * d..]);
        for (col, c) in cells.iter_mut().enumerate() {
            let [i, f, g] = [0, 1, 2].map(|gate| gates[gate * d + col]);
            *c = f * cell.get(col).copied().unwrap_or(0.0) + i * g;
        }
        map(s, Activation::Tanh, cells, h);
        h.iter_mut().zip(&gates[3 * d..]).for_each(|(h, o)| *h *= o);
    }
}
