//! CPU twin of [`super::LayerNorm`].

use super::LayerNorm;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &LayerNorm, cx: &mut Context<'_>) {
    let d = cx.inputs[0].shape.n_cols();
    let x = cx.inputs[0].f32(); // [T, d]
    let gain = op.has_gain.then(|| cx.inputs[1].f32()); // [d]
    let bias = op.has_bias.then(|| cx.inputs[1 + usize::from(op.has_gain)].f32()); // [d]
    let [y, stats] = &mut cx.outputs[..] else { unreachable!("two outputs by the shape rule") };
    for ((x, y), stats) in
        x.chunks_exact(d).zip(y.data.chunks_exact_mut(d)).zip(stats.data.chunks_exact_mut(2))
    {
        let mean = x.iter().sum::<f32>() / d as f32;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / d as f32;
        let scale = (variance + op.eps).sqrt();
        stats.copy_from_slice(&[mean, scale]);
        for (col, (x, y)) in x.iter().zip(y).enumerate() {
            let gain = gain.map_or(1.0, |gain| gain[col]);
            let bias = bias.map_or(0.0, |bias| bias[col]);
            *y = (x - mean) / scale * gain + bias;
        }
    }
}
