//! CPU twin of [`super::Argmax`].

use super::Argmax;
use crate::engine::cpu::Context;

/// Values of which the largest is found before they are looked at singly.
const STRETCH: usize = 64;

pub(crate) fn run(_: &Argmax, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    let rows = cx.inputs[0].f32().chunks_exact(n.max(1));
    for (y, row) in cx.outputs[0].data.iter_mut().zip(rows) {
        let mut best = 0;
        for (idx, stretch) in row.chunks(STRETCH).enumerate() {
            if largest(stretch) > row[best] {
                for (col, value) in stretch.iter().enumerate() {
                    if *value > row[best] {
                        best = idx * STRETCH + col;
                    }
                }
            }
        }
        *y = f32::from_bits(best as u32);
    }
}

/// The largest value, in lanes that compilers turn into vectors; NaN is passed over.
pub(crate) fn largest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 8];
    let steps = values.chunks_exact(8);
    let rest = steps.remainder();
    for step in steps {
        for (lane, value) in lanes.iter_mut().zip(step) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}
