//! CPU twin of [`super::CrossEntropy`].

use super::CrossEntropy;
use crate::engine::cpu::Context;
use crate::simd::{Kernel, Simd, math};

pub(crate) fn run(op: &CrossEntropy, cx: &mut Context<'_>) {
    let n_cols = cx.inputs[0].shape.n_cols();
    let (logits, targets) = (cx.inputs[0].f32(), cx.indices(1));
    let [loss, rows] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    let smoothing = f64::from(op.smoothing);
    let (mut total, mut n_counted) = (0.0, 0_u32);
    let with_targets = logits.chunks_exact(n_cols.max(1)).zip(targets);
    for ((logits, &target), row) in with_targets.zip(rows.data.chunks_exact_mut(2)) {
        let log_sum = cx.isa.run(LogSum(logits));
        let own = match logits.get(target as usize) {
            None => 0.0,
            Some(&logit) => {
                let mean = match smoothing {
                    0.0 => 0.0,
                    _ => logits.iter().map(|x| f64::from(*x)).sum::<f64>() / n_cols as f64,
                };
                n_counted += 1;
                log_sum - (1.0 - smoothing) * f64::from(logit) - smoothing * mean
            }
        };
        total += own;
        row.copy_from_slice(&[own as f32, log_sum as f32]);
    }
    loss.data[0] = (total / f64::from(n_counted.max(1))) as f32;
}

/// log Σ exp of a row.
pub(crate) struct LogSum<'a>(pub &'a [f32]);

impl Kernel for LogSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        let mut largest = s.f32_splat(f32::NEG_INFINITY);
        let mut steps = self.0.chunks_exact(S::LANES);
        for values in &mut steps {
            largest = s.f32_max(s.f32_load(values), largest);
        }
        let rest = steps.remainder();
        let largest = rest.iter().copied().fold(s.f32_largest(largest), f32::max);
        let shift = s.f32_splat(largest);
        let mut sums = s.f32_zero();
        for values in self.0.chunks_exact(S::LANES) {
            sums = s.f32_add(sums, math::exp(s, s.f32_sub(s.f32_load(values), shift)));
        }
        let mut lanes = [0.0; 16];
        s.f32_store(sums, &mut lanes);
        let sum: f64 = lanes[..S::LANES].iter().map(|lane| f64::from(*lane)).sum();
        let rest: f64 = rest.iter().map(|x| f64::from(x - largest).exp()).sum();
        f64::from(largest) + (sum + rest).ln()
    }
}
