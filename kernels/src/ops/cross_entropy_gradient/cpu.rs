//! CPU twin of [`super::CrossEntropyGradient`].

use super::CrossEntropyGradient;
use crate::engine::cpu::Context;
use crate::simd::math::{Function, exp, map};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &CrossEntropyGradient, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a CrossEntropyGradient,
    cx: &'a mut Context<'b>,
}

/// factor·e^(x − shift) − floor.
#[derive(Clone, Copy)]
struct Share {
    shift: f32,
    factor: f32,
    floor: f32,
}

impl Function for Share {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32 {
        let share = exp(s, s.f32_sub(x, s.f32_splat(self.shift)));
        s.f32_sub(s.f32_mul(share, s.f32_splat(self.factor)), s.f32_splat(self.floor))
    }
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let n_cols = cx.inputs[0].shape.n_cols().max(1);
        let (logits, targets) = (cx.inputs[0].f32(), cx.indices(1));
        let (rows, dloss) = (cx.inputs[2].f32(), cx.inputs[3].f32()[0]);
        let n_counted = targets.iter().filter(|target| (**target as usize) < n_cols).count();
        let factor = dloss / n_counted.max(1) as f32;
        let smoothing = op.of.smoothing;
        let with_targets = logits.chunks_exact(n_cols).zip(targets).zip(rows.chunks_exact(2));
        let outputs = cx.outputs[0].data.chunks_exact_mut(n_cols);
        for (((logits, &target), row), dx) in with_targets.zip(outputs) {
            if target as usize >= n_cols {
                dx.fill(0.0);
                continue;
            }
            let floor = factor * smoothing / n_cols as f32;
            map(s, Share { shift: row[1], factor, floor }, logits, dx);
            dx[target as usize] -= factor * (1.0 - smoothing);
        }
    }
}
