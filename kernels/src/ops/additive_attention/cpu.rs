//! CPU twin of [`super::AdditiveAttention`]: a row of a sequence at a time.

use super::AdditiveAttention;
use crate::engine::cpu::Context;
use crate::ops::activation::Activation;
use crate::simd::math::map;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AdditiveAttention, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a AdditiveAttention,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let [q, k, v, values] = [0, 1, 2, 3].map(|idx| cx.inputs[idx].f32());
        let shown = op.has_shown.then(|| cx.inputs[4].u32());
        let shapes = [0, 1, 3].map(|idx| cx.inputs[idx].shape);
        let [n_rows, n_keys, a, c] = op.extents(shapes[0], shapes[1], shapes[2]);
        let [z, pattern] = &mut *cx.outputs else { unreachable!("z and pattern") };
        let tanhs = &mut cx.scratch.row;
        for (row, pattern) in pattern.data.chunks_exact_mut(n_keys.max(1)).enumerate() {
            let first = row / n_rows * n_keys;
            let k = &k[first * a..][..n_keys * a];
            tanhs_of(s, &q[row * a..][..a], k, tanhs);
            for (score, tanhs) in pattern.iter_mut().zip(tanhs[n_keys * a..].chunks_exact(a)) {
                *score = tanhs.iter().zip(v).map(|(tanh, v)| tanh * v).sum();
            }
            let is_shown = |key: usize| shown.is_none_or(|shown| shown[first + key] != 0);
            softmax(pattern, is_shown);
            let z = &mut z.data[row * c..][..c];
            z.fill(0.0);
            for (weight, value) in pattern.iter().zip(values[first * c..].chunks_exact(c)) {
                z.iter_mut().zip(value).for_each(|(z, value)| *z += weight * value);
            }
        }
    }
}

/// tanh(q + k) of each key `[S, a]`, in the second half of `into`.
#[inline(always)]
pub(crate) fn tanhs_of<S: Simd>(s: S, q: &[f32], k: &[f32], into: &mut Vec<f32>) {
    into.resize(2 * k.len(), 0.0);
    let (sums, tanhs) = into.split_at_mut(k.len());
    for (sums, k) in sums.chunks_exact_mut(q.len()).zip(k.chunks_exact(q.len())) {
        sums.iter_mut().zip(k).zip(q).for_each(|((sum, k), q)| *sum = k + q);
    }
    map(s, Activation::Tanh, sums, tanhs);
}

/// Over the cells that are shown; the others become 0.
fn softmax(row: &mut [f32], is_shown: impl Fn(usize) -> bool) {
    let largest = |most: f32, (key, x): (usize, &f32)| if is_shown(key) { most.max(*x) } else { most };
    let shift = row.iter().enumerate().fold(f32::NEG_INFINITY, largest);
    for (key, x) in row.iter_mut().enumerate() {
        *x = if is_shown(key) { (*x - shift).exp() } else { 0.0 };
    }
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= if sum == 0.0 { 1.0 } else { sum });
}
