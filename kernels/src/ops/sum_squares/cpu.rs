//! CPU twin of [`super::SumSquares`].

use super::SumSquares;
use crate::engine::cpu::Context;
use crate::engine::cpu::rows::moments;
use crate::simd::{Kernel, Simd};

/// Values whose squares are summed in f32.
const RUN: usize = 4096;

pub(crate) fn run(_: &SumSquares, cx: &mut Context<'_>) {
    let sum = cx.isa.run(Squares(cx.inputs[0].f32()));
    let before = cx.inputs.get(1).map_or(0.0, |before| f64::from(before.f32()[1]));
    cx.outputs[0].data.copy_from_slice(&[sum as f32, (before + sum) as f32]);
}

struct Squares<'a>(&'a [f32]);

impl Kernel for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let mut sum = 0.0;
        for values in self.0.chunks(RUN) {
            sum += moments(s, values, 0.0)[1];
        }
        sum
    }
}
