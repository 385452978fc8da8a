//! Sums over a row: lanes in f32, lanes together in f64.

use crate::simd::Simd;

/// Σ (x − shift) and Σ (x − shift)².
#[inline(always)]
pub(crate) fn moments<S: Simd>(s: S, x: &[f32], shift: f32) -> [f64; 2] {
    let by = s.f32_splat(shift);
    let mut sums = [[s.f32_zero(); 2]; 4];
    let mut steps = x.chunks_exact(4 * S::LANES);
    for step in &mut steps {
        for (sums, x) in sums.iter_mut().zip(step.chunks_exact(S::LANES)) {
            let x = s.f32_sub(s.f32_load(x), by);
            *sums = [s.f32_add(sums[0], x), s.f32_mul_add(x, x, sums[1])];
        }
    }
    let mut totals = [0.0; 2];
    for x in steps.remainder() {
        let x = f64::from(x - shift);
        totals[0] += x;
        totals[1] += x * x;
    }
    let mut lanes = [0.0; 16];
    for pair in sums {
        for (total, sum) in totals.iter_mut().zip(pair) {
            s.f32_store(sum, &mut lanes);
            *total += lanes[..S::LANES].iter().map(|lane| f64::from(*lane)).sum::<f64>();
        }
    }
    totals
}

/// y = (x − shift)·scale·gain + bias, gain and bias where given.
#[inline(always)]
pub(crate) fn affine([x, gain, bias]: [&[f32]; 3], [shift, scale]: [f32; 2], y: &mut [f32]) {
    match (gain.is_empty(), bias.is_empty()) {
        (true, true) => {
            for (y, x) in y.iter_mut().zip(x) {
                *y = (x - shift) * scale;
            }
        }
        (false, true) => {
            for ((y, x), gain) in y.iter_mut().zip(x).zip(gain) {
                *y = (x - shift) * scale * gain;
            }
        }
        (true, false) => {
            for ((y, x), bias) in y.iter_mut().zip(x).zip(bias) {
                *y = (x - shift) * scale + bias;
            }
        }
        (false, false) => {
            for (((y, x), gain), bias) in y.iter_mut().zip(x).zip(gain).zip(bias) {
                *y = (x - shift) * scale * gain + bias;
            }
        }
    }
}

/// Rows of a block whose sum is taken before it joins the total: so that long columns keep digits.
const ROWS_A_BLOCK: usize = 32;

/// Sums of columns over rows.
#[derive(Default)]
pub(crate) struct Columns {
    block: Vec<f32>,
    total: Vec<f32>,
    n_rows: usize,
}

impl Columns {
    /// Starts with zeros for `n` columns.
    pub fn start(&mut self, n: usize) {
        for sums in [&mut self.block, &mut self.total] {
            sums.clear();
            sums.resize(n, 0.0);
        }
        self.n_rows = 0;
    }

    /// What the next row is to be added to.
    #[inline(always)]
    pub fn next_row(&mut self) -> &mut [f32] {
        if self.n_rows == ROWS_A_BLOCK {
            self.end_block();
        }
        self.n_rows += 1;
        &mut self.block
    }

    /// The sums.
    pub fn finish(&mut self, into: &mut [f32]) {
        self.end_block();
        into.copy_from_slice(&self.total);
    }

    fn end_block(&mut self) {
        for (total, sum) in self.total.iter_mut().zip(&mut self.block) {
            *total += std::mem::take(sum);
        }
        self.n_rows = 0;
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{absolute_error, engines, noise, relative_error, run};
    use crate::ops::row_stats::EntropyOf;
    use crate::{DType, InputData, Step};

    /// Mean, biased variance and mean square.
    fn moments(row: &[f32]) -> [f64; 3] {
        let n = row.len() as f64;
        let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
        let about = |c: f64| row.iter().map(|x| (f64::from(*x) - c).powi(2)).sum::<f64>() / n;
        [mean, about(mean), about(0.0)]
    }

    #[test]
    fn norms_agree_with_f64_and_leave_their_statistics() {
        for (t, d) in [(1, 1), (2, 63), (3, 65), (4, 576), (1, 1757)] {
            let x: Vec<f32> = noise(1, t * d).iter().map(|x| x * 3.0 + 1.0).collect();
            let (gain, bias) = (noise(2, d), noise(3, d));
            let eps = 1e-5;
            let mut expected = [(); 4].map(|()| Vec::new());
            for row in x.chunks_exact(d) {
                let [mean, variance, square] = moments(row);
                let (sigma, rms) = ((variance + eps).sqrt(), (square + eps).sqrt());
                for (col, x) in row.iter().enumerate() {
                    let (x, g, b) = (f64::from(*x), f64::from(gain[col]), f64::from(bias[col]));
                    expected[0].push((x - mean) / sigma * g + b);
                    expected[2].push(x / rms * g);
                }
                expected[1].extend([mean, sigma]);
                expected[3].extend([mean, rms]);
            }
            for mut engine in engines(CpuOptions::default()) {
                let inputs = [&x, &gain, &bias].map(|values| InputData::F32(values));
                let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                    let x = recorder.input([t, d], DType::F32);
                    let [gain, bias] = [(); 2].map(|()| recorder.input([d], DType::F32));
                    let layer = recorder.layer_norm(x, Some(gain), Some(bias), 1e-5).expect("fits");
                    let rms = recorder.rms_norm(x, Some(gain), 1e-5).expect("fits");
                    vec![layer.y, layer.stats, rms.y, rms.stats]
                });
                for (which, (got, expected)) in got.iter().zip(&expected).enumerate() {
                    // A single column has no variance: its norm amplifies rounding by 1/√ε.
                    let tolerance = if d == 1 { 1e-4 } else { 5e-7 };
                    let err = relative_error(got, expected);
                    assert!(err <= tolerance, "{}, {which}, {t}×{d}: {err:e}", engine.name());
                }
            }
        }
    }

    #[test]
    fn statistics_of_rows_agree_with_f64() {
        for (t, n) in [(1, 1), (3, 63), (2, 65), (2, 1757)] {
            let x: Vec<f32> = noise(1, t * n).iter().map(|x| x * 9.0).collect();
            let mut expected = Vec::new();
            for row in x.chunks_exact(n) {
                let [mean, variance, square] = moments(row);
                let max = row.iter().copied().fold(f32::MIN, f32::max);
                let min = row.iter().copied().fold(f32::MAX, f32::min);
                let weights: Vec<f64> =
                    row.iter().map(|x| (f64::from(*x) - f64::from(max)).exp()).collect();
                let sum: f64 = weights.iter().sum();
                let entropy: f64 =
                    -weights.iter().map(|w| w / sum * (w / sum).max(1e-300).ln()).sum::<f64>();
                let norm = (square * n as f64).sqrt();
                expected.extend([mean, variance, min.into(), max.into(), norm, entropy]);
            }
            for mut engine in engines(CpuOptions::default()) {
                let inputs = [InputData::F32(&x)];
                let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                    let x = recorder.input([t, n], DType::F32);
                    vec![recorder.row_stats(x, EntropyOf::Logits).expect("fits")]
                });
                let err = absolute_error(&got[0], &expected);
                assert!(err <= 3e-5, "{}, {t}×{n}: {err:e}", engine.name());
            }
        }
    }
}
