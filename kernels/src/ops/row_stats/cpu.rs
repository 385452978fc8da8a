//! CPU twin of [`super::RowStats`].

use super::{EntropyOf, RowStats};
use crate::engine::cpu::Context;

pub(crate) fn run(op: &RowStats, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    for (row, out) in cx.inputs[0].f32().chunks_exact(n).zip(cx.outputs[0].data.chunks_exact_mut(6)) {
        let mean = row.iter().sum::<f32>() / n as f32;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n as f32;
        let min = row.iter().copied().fold(f32::INFINITY, f32::min);
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let entropy = match op.entropy_of {
            EntropyOf::Probabilities => {
                -row.iter().filter(|x| **x > 0.0).map(|x| x * x.ln()).sum::<f32>()
            }
            EntropyOf::Logits => {
                let sum: f32 = row.iter().map(|x| (x - max).exp()).sum();
                let mean_gap: f32 = row.iter().map(|x| (x - max).exp() * (x - max)).sum::<f32>() / sum;
                sum.ln() - mean_gap
            }
        };
        out.copy_from_slice(&[mean, variance, min, max, norm, entropy]);
    }
}
