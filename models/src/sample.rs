//! Choosing the next token: pure functions of logits.
//!
//! Order of the steps: temperature, then top-k, then top-p (nucleus: Holtzman et al. 2019,
//! arXiv 1904.09751), as in transformers. The random numbers are PCG32's (O'Neill 2014, "PCG: A
//! Family of Simple Fast Space-Efficient Statistically Good Algorithms"), so that the same seed
//! gives the same text on every machine.

use crate::order::sorted;

/// Up to so many columns are found one by one; for more all are sorted.
const FEW: usize = 256;

/// How to choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the largest.
    pub temperature: f32,
    /// Keep the k most probable; 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set of this total probability; 1 keeps all.
    pub top_p: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0 }
    }
}

impl Sampling {
    /// Whether the largest logit is taken. Below what f32 can divide by, and for a temperature
    /// that is no number, the limit is the argmax as well.
    fn is_greedy(&self) -> bool {
        self.temperature.is_nan() || self.temperature < f32::MIN_POSITIVE
    }
}

/// A stream of random numbers with one seed.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
    const INCREMENT: u64 = 1_442_695_040_888_963_407;

    /// The stream of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Self { state: Self::INCREMENT.wrapping_add(seed) };
        random.next_u32();
        random
    }

    /// The next 32 bits (PCG-XSH-RR).
    pub fn next_u32(&mut self) -> u32 {
        let state = self.state;
        self.state = state.wrapping_mul(Self::MULTIPLIER).wrapping_add(Self::INCREMENT);
        let mixed = (((state >> 18) ^ state) >> 27) as u32;
        mixed.rotate_right((state >> 59) as u32)
    }

    /// The next number in [0, 1), of 24 bits.
    pub fn next_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 / (1 << 24) as f32
    }
}

/// Column of the largest logit, the first of equals; NaN is never chosen.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (idx, &logit) in logits.iter().enumerate() {
        if logit > logits[best] || logits[best].is_nan() && !logit.is_nan() {
            best = idx;
        }
    }
    best
}

/// Columns of the k largest logits, largest first, the first of equals before the others.
pub fn top_k(logits: &[f32], k: usize) -> Vec<usize> {
    let k = k.min(logits.len());
    let order = |a: usize, b: usize| descending(logits[a], logits[b]);
    if k > FEW {
        let mut columns = sorted(logits.len(), &mut |a, b| order(a, b));
        columns.truncate(k);
        return columns;
    }
    // The best so far, in order: few columns get past the last of them.
    let mut best: Vec<usize> = Vec::with_capacity(k + 1);
    for column in 0..logits.len() {
        if best.len() == k && best.last().is_none_or(|&last| order(column, last).is_ge()) {
            continue;
        }
        let place = best.partition_point(|&other| order(other, column).is_le());
        best.insert(place, column);
        best.truncate(k);
    }
    best
}

/// Probability of every token after temperature, top-k and top-p. Temperature 0 gives all to the
/// largest.
pub fn probabilities(logits: &[f32], sampling: &Sampling) -> Vec<f32> {
    let mut probabilities = vec![0.0; logits.len()];
    if logits.is_empty() {
        return probabilities;
    }
    if sampling.is_greedy() {
        probabilities[argmax(logits)] = 1.0;
        return probabilities;
    }
    let filtered = sampling.top_k > 0 && sampling.top_k < logits.len() || sampling.top_p < 1.0;
    let kept = match (filtered, sampling.top_k) {
        (false, _) => (0..logits.len()).collect(),
        (true, 0) => top_k(logits, logits.len()),
        (true, k) => top_k(logits, k),
    };
    let max = f64::from(logits[argmax(logits)]);
    let temperature = f64::from(sampling.temperature);
    let weight = |idx: usize| {
        let weight = ((f64::from(logits[idx]) - max) / temperature).exp();
        if weight.is_nan() { 0.0 } else { weight }
    };
    let mut sum: f64 = kept.iter().map(|&idx| weight(idx)).sum();
    let mut n_kept = kept.len();
    if sampling.top_p < 1.0 {
        let enough = f64::from(sampling.top_p) * sum;
        let mut so_far = 0.0;
        n_kept = 0;
        // The token that crosses the threshold stays in, so that there is always one.
        while n_kept < kept.len() && (n_kept == 0 || so_far < enough) {
            so_far += weight(kept[n_kept]);
            n_kept += 1;
        }
        sum = so_far;
    }
    for &idx in &kept[..n_kept] {
        probabilities[idx] = (weight(idx) / sum) as f32;
    }
    probabilities
}

/// The next token.
pub fn sample(logits: &[f32], sampling: &Sampling, random: &mut Random) -> usize {
    if sampling.is_greedy() {
        return argmax(logits);
    }
    let probabilities = probabilities(logits, sampling);
    let mut left = f64::from(random.next_f32());
    let mut last_possible = 0;
    for (idx, &probability) in probabilities.iter().enumerate() {
        if probability > 0.0 {
            last_possible = idx;
            left -= f64::from(probability);
            if left < 0.0 {
                break;
            }
        }
    }
    last_possible
}

/// ln p of every column under the softmax of `logits`.
pub fn log_probabilities(logits: &[f32]) -> Vec<f32> {
    let total = log_sum_exp(logits);
    logits.iter().map(|&logit| (f64::from(logit) - total) as f32).collect()
}

/// −ln p of column `target` under the softmax of `logits`.
pub fn cross_entropy(logits: &[f32], target: usize) -> f32 {
    (log_sum_exp(logits) - f64::from(logits[target])) as f32
}

/// Entropy of the softmax of `logits`, in nats.
pub fn entropy(logits: &[f32]) -> f32 {
    let total = log_sum_exp(logits);
    let sum: f64 = logits
        .iter()
        .map(|&logit| f64::from(logit) - total)
        .filter(|log_p| log_p.is_finite())
        .map(|log_p| -log_p * log_p.exp())
        .sum();
    sum as f32
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - f64::from(max)).exp()).sum();
    sum.ln() + f64::from(max)
}

fn descending(a: f32, b: f32) -> std::cmp::Ordering {
    // NaN last.
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_zero_is_the_argmax() {
        let logits = [f32::NAN, 1.0, 3.0, 3.0, f32::NEG_INFINITY];
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(sample(&logits, &greedy, &mut Random::from_seed(1)), 2);
        assert_eq!(probabilities(&logits, &greedy), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(top_k(&logits, 3), [2, 3, 1]);
    }

    #[test]
    fn filters_keep_what_they_say() {
        let logits = [4.0f32.ln(), 3.0f32.ln(), 2.0f32.ln(), 1.0f32.ln()];
        let close = |sampling: Sampling, expected: [f32; 4]| {
            let got = probabilities(&logits, &sampling);
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() <= 1e-6, "{got} {expected}");
            }
        };
        let all = Sampling::default();
        close(all, [0.4, 0.3, 0.2, 0.1]);
        close(Sampling { top_k: 2, ..all }, [4.0 / 7.0, 3.0 / 7.0, 0.0, 0.0]);
        close(Sampling { top_p: 0.65, ..all }, [4.0 / 7.0, 3.0 / 7.0, 0.0, 0.0]);
        close(Sampling { top_p: 0.0, ..all }, [1.0, 0.0, 0.0, 0.0]);
        close(Sampling { top_p: 0.75, ..all }, [4.0 / 9.0, 3.0 / 9.0, 2.0 / 9.0, 0.0]);
    }

    #[test]
    fn frequencies_follow_the_probabilities_and_the_seed() {
        let logits = [4.0f32.ln(), 3.0f32.ln(), 2.0f32.ln(), 1.0f32.ln()];
        let draw = |seed| {
            let mut random = Random::from_seed(seed);
            let all = Sampling::default();
            (0..20_000).map(|_| sample(&logits, &all, &mut random)).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        for (token, expected) in [0.4, 0.3, 0.2, 0.1].into_iter().enumerate() {
            let share = drawn.iter().filter(|&&got| got == token).count() as f64 / 20_000.0;
            assert!((share - expected).abs() <= 0.015, "{token}: {share}");
        }
    }

    #[test]
    fn large_logits_stay_finite() {
        let logits = [1e4, -1e4, 0.0];
        assert!((cross_entropy(&logits, 1) - 2e4).abs() <= 1.0);
        assert!(entropy(&logits) <= 1e-6);
        assert!((entropy(&[2.0; 8]) - 8f32.ln()).abs() <= 1e-6);
        assert_eq!(probabilities(&logits, &Sampling::default()), [1.0, 0.0, 0.0]);
    }
}
