//! CPU twin of [`super::GruBatch`]: a product over all sequences for each step of time.

use super::GruBatch;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};
use crate::simd::math::{Sigmoid, map};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &GruBatch, cx: &mut Context<'_>) {
    let (x, w, b) = (cx.inputs[0].f32(), cx.inputs[1].f32(), cx.inputs[2].f32());
    let (d, n_sequences) = (cx.inputs[1].shape.n_cols(), op.n_sequences);
    let n_rows = cx.inputs[0].shape.n_rows() / n_sequences;
    let start = op.has_start.then(|| cx.inputs[3].f32());
    let shown = op.has_shown.then(|| cx.inputs[op.shown_idx()].u32());
    let [h, gates, before] = &mut *cx.outputs else { unreachable!("gru_batch writes three") };
    let products = &mut cx.scratch.row; // [B, 3d]
    products.resize(n_sequences * 3 * d, 0.0);
    for idx in 0..n_rows {
        let row = op.row(idx, n_rows);
        for sequence in 0..n_sequences {
            let at = sequence * n_rows + row;
            let before = &mut before.data[at * d..][..d];
            match (idx, start) {
                (0, None) => before.fill(0.0),
                (0, Some(start)) => before.copy_from_slice(&start[sequence * d..][..d]),
                _ => {
                    let last = sequence * n_rows + op.row(idx - 1, n_rows);
                    before.copy_from_slice(&h.data[last * d..][..d]);
                }
            }
        }
        let states = Matrix::rows(&before.data[row * d..], n_rows * d);
        let factors = [states, Matrix::rows(w, d).turned()];
        let extents = [n_sequences, 3 * d, d];
        gemm(cx.isa, factors, extents, &mut cx.scratch.gemm, (products, 3 * d), false);
        for (sequence, products) in products.chunks_exact(3 * d).enumerate() {
            let at = sequence * n_rows + row;
            cx.isa.run(Unit {
                x: &x[at * 3 * d..][..3 * d],
                products,
                bias: b,
                before: &before.data[at * d..][..d],
                gates: &mut gates.data[at * 4 * d..][..4 * d],
                h: &mut h.data[at * d..][..d],
            });
            if shown.is_some_and(|shown| shown[at] == 0) {
                h.data[at * d..][..d].copy_from_slice(&before.data[at * d..][..d]);
            }
        }
    }
}

/// One row of one sequence.
struct Unit<'a> {
    x: &'a [f32],
    products: &'a [f32],
    bias: &'a [f32],
    before: &'a [f32],
    gates: &'a mut [f32],
    h: &'a mut [f32],
}

impl Kernel for Unit<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let d = self.before.len();
        let Self { x, products, bias, before, gates, h } = self;
        // What the hidden state adds, with its bias: of r and z in h's place first.
        let (of_gates, rest) = gates.split_at_mut(2 * d);
        let (n, q) = rest.split_at_mut(d);
        for (gate, part) in of_gates.chunks_exact_mut(d).enumerate() {
            for (col, sum) in h.iter_mut().enumerate() {
                let at = gate * d + col;
                *sum = x[at] + products[at] + bias[at];
            }
            map(s, Sigmoid, h, part);
        }
        for col in 0..d {
            q[col] = products[2 * d + col] + bias[2 * d + col];
            h[col] = x[2 * d + col] + of_gates[col] * q[col];
        }
        map(s, crate::ops::activation::Activation::Tanh, h, n);
        for (col, h) in h.iter_mut().enumerate() {
            let z = of_gates[d + col];
            *h = (1.0 - z) * n[col] + z * before[col];
        }
    }
}
