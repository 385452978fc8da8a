//! CPU twin of [`super::SumRows`].

use super::SumRows;
use crate::engine::cpu::Context;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(_: &SumRows, cx: &mut Context<'_>) {
    cx.isa.run(Rows { cx });
}

struct Rows<'a, 'b> {
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let n = self.cx.inputs[0].shape.n_cols();
        let sums = &mut self.cx.scratch.columns[0];
        sums.start(n);
        for row in self.cx.inputs[0].f32().chunks_exact(n.max(1)) {
            sums.next_row().iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        sums.finish(&mut *self.cx.outputs[0].data);
    }
}
