//! CPU twin of [`super::RmsNorm`].

use super::RmsNorm;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &RmsNorm, cx: &mut Context<'_>) {
    let d = cx.inputs[0].shape.n_cols();
    let x = cx.inputs[0].f32(); // [T, d]
    let gain = op.has_gain.then(|| cx.inputs[1].f32()); // [d]
    let [y, stats] = &mut cx.outputs[..] else { unreachable!("two outputs by the shape rule") };
    for ((x, y), stats) in
        x.chunks_exact(d).zip(y.data.chunks_exact_mut(d)).zip(stats.data.chunks_exact_mut(2))
    {
        let mean = x.iter().sum::<f32>() / d as f32;
        let rms = (x.iter().map(|x| x * x).sum::<f32>() / d as f32 + op.eps).sqrt();
        stats.copy_from_slice(&[mean, rms]);
        for (col, (x, y)) in x.iter().zip(y).enumerate() {
            *y = x / rms * gain.map_or(1.0, |gain| gain[col]);
        }
    }
}
