//! CPU twin of [`super::Matmul`]; the work is in [`crate::engine::cpu::gemm`].

use super::Matmul;
use crate::engine::cpu::Context;
use crate::engine::cpu::gemm::{Matrix, gemm};

pub(crate) fn run(op: &Matmul, cx: &mut Context<'_>) {
    let [a, b] = [0, 1].map(|idx| cx.inputs[idx].shape);
    let ([m, n, k], _) = op.extents(a, b);
    let a = Matrix::rows(cx.inputs[0].f32(), a.n_cols()).turned_if(op.a_turned);
    let b = Matrix::rows(cx.inputs[1].f32(), b.n_cols()).turned_if(op.b_turned);
    let rows = cx.part.of(m);
    let c = &mut cx.outputs[0].data[rows.start * n..rows.end * n];
    let a = a.starting_at(rows.start);
    gemm(cx.isa, [a, b], [rows.len(), n, k], &mut cx.scratch.gemm, (c, n), false);
}
