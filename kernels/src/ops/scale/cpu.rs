//! CPU twin of [`super::Scale`].

use super::Scale;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Scale, cx: &mut Context<'_>) {
    let past = cx.step.past as usize;
    let n_cols = cx.outputs[0].shape.n_cols();
    let y = &mut *cx.outputs[0].data;
    y.copy_from_slice(cx.inputs[0].f32());
    for (t, row) in y.chunks_exact_mut(n_cols).enumerate() {
        if op.rows.contains(&(past + t)) {
            row[op.cols.clone()].iter_mut().for_each(|value| *value *= op.factor);
        }
    }
}
