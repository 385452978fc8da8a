//! CPU twin of [`super::AdditiveAttentionGradient`]: a row of a sequence at a time.

use super::AdditiveAttentionGradient;
use crate::engine::cpu::Context;
use crate::ops::additive_attention::cpu::tanhs_of;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AdditiveAttentionGradient, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a AdditiveAttentionGradient,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op: AdditiveAttentionGradient { of: op }, cx } = self;
        let [dz, q, k, v, values, pattern] = [0, 1, 2, 3, 4, 5].map(|idx| cx.inputs[idx].f32());
        let shapes = [1, 2, 4].map(|idx| cx.inputs[idx].shape);
        let [n_rows, n_keys, a, c] = op.extents(shapes[0], shapes[1], shapes[2]);
        let [dq, dk, dvalues, dv, de] = &mut *cx.outputs else { unreachable!("five gradients") };
        for sum in [&mut *dq, &mut *dk, &mut *dvalues, &mut *dv] {
            sum.data.fill(0.0);
        }
        let tanhs = &mut cx.scratch.row;
        for (row, de) in de.data.chunks_exact_mut(n_keys.max(1)).enumerate() {
            let first = row / n_rows * n_keys;
            let (dz, pattern) = (&dz[row * c..][..c], &pattern[row * n_keys..][..n_keys]);
            let values = values[first * c..].chunks_exact(c);
            let dvalues = dvalues.data[first * c..].chunks_exact_mut(c);
            let mut mean = 0.0;
            for (((de, weight), value), dvalue) in de.iter_mut().zip(pattern).zip(values).zip(dvalues) {
                *de = dz.iter().zip(value).map(|(dz, value)| dz * value).sum();
                mean += weight * *de;
                dvalue.iter_mut().zip(dz).for_each(|(dvalue, dz)| *dvalue += weight * dz);
            }
            tanhs_of(s, &q[row * a..][..a], &k[first * a..][..n_keys * a], tanhs);
            let tanhs = tanhs[n_keys * a..].chunks_exact(a);
            let dk = dk.data[first * a..].chunks_exact_mut(a);
            let (dq, dv) = (&mut dq.data[row * a..][..a], &mut dv.data[row * a..][..a]);
            for (((de, weight), tanhs), dk) in de.iter_mut().zip(pattern).zip(tanhs).zip(dk) {
                *de = weight * (*de - mean);
                for col in 0..a {
                    let slope = *de * v[col] * (1.0 - tanhs[col] * tanhs[col]);
                    dq[col] += slope;
                    dk[col] += slope;
                    dv[col] += *de * tanhs[col];
                }
            }
        }
    }
}
