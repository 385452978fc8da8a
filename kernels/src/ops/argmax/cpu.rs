//! CPU twin of [`super::Argmax`].

use super::Argmax;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Argmax, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    for (y, row) in cx.outputs[0].data.iter_mut().zip(cx.inputs[0].f32().chunks_exact(n)) {
        let mut best = 0;
        for (col, value) in row.iter().enumerate() {
            if *value > row[best] {
                best = col;
            }
        }
        *y = f32::from_bits(best as u32);
    }
}
