//! CPU twin of [`super::RowStats`].

use super::{EntropyOf, RowStats};
use crate::engine::cpu::Context;
use crate::engine::cpu::rows::moments;
use crate::simd::{Kernel, Simd, math};

pub(crate) fn run(op: &RowStats, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a RowStats,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let n = cx.inputs[0].shape.n_cols();
        let rows = cx.inputs[0].f32().chunks_exact(n);
        for (row, out) in rows.zip(cx.outputs[0].data.chunks_exact_mut(6)) {
            let [sum, squares] = moments(s, row, 0.0);
            let mean = sum / n as f64;
            let variance = moments(s, row, mean as f32)[1] / n as f64;
            let min = row.iter().copied().fold(f32::INFINITY, f32::min);
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let entropy = match op.entropy_of {
                EntropyOf::Probabilities => {
                    -row.iter().filter(|x| **x > 0.0).map(|x| x * x.ln()).sum::<f32>()
                }
                EntropyOf::Logits => entropy_of_logits(s, row, max),
            };
            out.copy_from_slice(&[
                mean as f32,
                variance as f32,
                min,
                max,
                squares.sqrt() as f32,
                entropy,
            ]);
        }
    }
}

/// ln Σ e^(x − m) − Σ e^(x − m)(x − m) / Σ e^(x − m), with 0·∞ = 0 for hidden logits.
#[inline(always)]
fn entropy_of_logits<S: Simd>(s: S, row: &[f32], max: f32) -> f32 {
    let (shift, floor) = (s.f32_splat(max), s.f32_splat(-1e4));
    let (mut weights, mut gaps) = (s.f32_zero(), s.f32_zero());
    let steps = row.chunks_exact(S::LANES);
    let mut lanes = [f32::NEG_INFINITY; 16];
    let rest = steps.remainder();
    lanes[..rest.len()].copy_from_slice(rest);
    for x in steps.chain([&lanes[..]]) {
        let gap = s.f32_max(floor, s.f32_sub(s.f32_load(x), shift));
        let weight = math::exp(s, gap);
        weights = s.f32_add(weights, weight);
        gaps = s.f32_mul_add(weight, gap, gaps);
    }
    let sum = s.f32_sum(weights);
    sum.ln() - s.f32_sum(gaps) / sum
}
