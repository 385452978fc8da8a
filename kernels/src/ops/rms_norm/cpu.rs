//! CPU twin of [`super::RmsNorm`].

use super::RmsNorm;
use crate::engine::cpu::Context;
use crate::engine::cpu::rows::{affine, moments};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &RmsNorm, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a RmsNorm,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let x = cx.inputs[0].f32(); // [T, d], or [T, groups·d]
        let gain = if op.has_gain { cx.inputs[1].f32() } else { &[] }; // [d]
        let d = if op.has_gain { gain.len() } else { cx.inputs[0].shape.n_cols() };
        let [y, stats] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
        let rows = x.chunks_exact(d.max(1)).zip(y.data.chunks_exact_mut(d.max(1)));
        for ((x, y), stats) in rows.zip(stats.data.chunks_exact_mut(2)) {
            let [sum, squares] = moments(s, x, 0.0);
            let rms = (squares / d as f64 + f64::from(op.eps)).sqrt();
            stats.copy_from_slice(&[(sum / d as f64) as f32, rms as f32]);
            affine([x, gain, &[]], [0.0, (1.0 / rms) as f32], y);
        }
    }
}
