//! CPU twin of [`super::GruBatchGradient`]: a product over all sequences for each step of time.

use super::GruBatchGradient;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};

pub(crate) fn run(op: &GruBatchGradient, cx: &mut Context<'_>) {
    let [dh, gates, before, w] = [0, 1, 2, 3].map(|idx| cx.inputs[idx].f32());
    let (op, d, n_sequences) = (op.of, cx.inputs[3].shape.n_cols(), op.of.n_sequences);
    let n_rows = cx.inputs[0].shape.n_rows() / n_sequences;
    let shown = op.has_shown.then(|| cx.inputs[4].u32());
    let [dx, dproducts, carry] = &mut *cx.outputs else { unreachable!("three gradients") };
    carry.data.fill(0.0);
    for idx in (0..n_rows).rev() {
        let row = op.row(idx, n_rows);
        for (sequence, carry) in carry.data.chunks_exact_mut(d).enumerate() {
            let at = sequence * n_rows + row;
            let dx = &mut dx.data[at * 3 * d..][..3 * d];
            let dproducts = &mut dproducts.data[at * 3 * d..][..3 * d];
            let dh = &dh[at * d..][..d];
            if shown.is_some_and(|shown| shown[at] == 0) {
                carry.iter_mut().zip(dh).for_each(|(carry, dh)| *carry += dh);
                dx.fill(0.0);
                dproducts.fill(0.0);
                continue;
            }
            let (gates, before) = (&gates[at * 4 * d..][..4 * d], &before[at * d..][..d]);
            for col in 0..d {
                let [r, z, n, q] = [0, 1, 2, 3].map(|gate| gates[gate * d + col]);
                let whole = dh[col] + carry[col];
                let of_n = whole * (1.0 - z) * (1.0 - n * n);
                let of_z = whole * (before[col] - n) * z * (1.0 - z);
                let of_r = of_n * q * r * (1.0 - r);
                carry[col] = whole * z;
                for (gate, of_x, of_product) in [(0, of_r, of_r), (1, of_z, of_z), (2, of_n, of_n * r)] {
                    dx[gate * d + col] = of_x;
                    dproducts[gate * d + col] = of_product;
                }
            }
        }
        let slopes = Matrix::rows(&dproducts.data[row * 3 * d..], n_rows * 3 * d);
        let factors = [slopes, Matrix::rows(w, d)];
        let extents = [n_sequences, d, 3 * d];
        gemm(cx.isa, factors, extents, &mut cx.scratch.gemm, (&mut *carry.data, d), true);
    }
}
