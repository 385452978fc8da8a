//! CPU twin of [`super::Rope`].

use super::{Rope, RopePairs};
use crate::engine::cpu::Context;

pub(crate) fn run(op: &Rope, cx: &mut Context<'_>) {
    let n_cols = cx.inputs[0].shape.n_cols();
    let x = cx.inputs[0].f32(); // [T, n_heads * d_head]
    let positions = cx.indices(1); // [T]
    let factors = op.has_factors.then(|| cx.inputs[2].f32()); // [n_rotary / 2]
    let y = &mut *cx.outputs[0].data;
    y.copy_from_slice(x);
    let n_pairs = op.n_rotary / 2;
    for (row, &position) in y.chunks_exact_mut(n_cols).zip(positions) {
        for pair in 0..n_pairs {
            // f64 here: angles of late positions lose digits in f32.
            let frequency = f64::from(op.base).powf(-2.0 * pair as f64 / op.n_rotary as f64)
                / factors.map_or(1.0, |factors| f64::from(factors[pair]));
            let (sin, cos) = (f64::from(position) * frequency).sin_cos();
            let (sin, cos) = (sin as f32, cos as f32);
            let (a, b) = match op.pairs {
                RopePairs::Halves => (pair, pair + n_pairs),
                RopePairs::Interleaved => (2 * pair, 2 * pair + 1),
            };
            for head in row.chunks_exact_mut(op.d_head) {
                let (u, v) = (head[a], head[b]);
                head[a] = u * cos - v * sin;
                head[b] = u * sin + v * cos;
            }
        }
    }
}
