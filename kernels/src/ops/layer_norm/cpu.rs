//! CPU twin of [`super::LayerNorm`].

use super::LayerNorm;
use crate::engine::cpu::Context;
use crate::engine::cpu::rows::{affine, moments};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &LayerNorm, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a LayerNorm,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let d = cx.inputs[0].shape.n_cols();
        let x = cx.inputs[0].f32(); // [T, d]
        let gain = if op.has_gain { cx.inputs[1].f32() } else { &[] }; // [d]
        let bias_idx = 1 + usize::from(op.has_gain);
        let bias = if op.has_bias { cx.inputs[bias_idx].f32() } else { &[] }; // [d]
        let [y, stats] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
        let rows = x.chunks_exact(d.max(1)).zip(y.data.chunks_exact_mut(d.max(1)));
        for ((x, y), stats) in rows.zip(stats.data.chunks_exact_mut(2)) {
            let mean = moments(s, x, 0.0)[0] / d as f64;
            let variance = moments(s, x, mean as f32)[1] / d as f64;
            let scale = (variance + f64::from(op.eps)).sqrt();
            stats.copy_from_slice(&[mean as f32, scale as f32]);
            affine([x, gain, bias], [mean as f32, (1.0 / scale) as f32], y);
        }
    }
}
