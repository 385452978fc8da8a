//! From logits to the next token's probabilities: ÷ temperature, exp, ÷ sum; then top-k, then
//! top-p (Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration"). Recomputed on
//! the page from the logits of the last run, so that no setting runs the model again.

use crate::lens::descending;
use crate::protocol::{Candidate, Sampling};

/// One candidate with the arithmetic that leads to its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The token.
    pub candidate: Candidate,
    /// Logit ÷ temperature.
    pub scaled: f32,
    /// exp(scaled − largest scaled).
    pub exponential: f32,
    /// Share of all tokens, before top-k and top-p.
    pub share: f32,
    /// Share of what is kept; 0 if it is cut off.
    pub probability: f32,
    /// Whether top-k and top-p keep it.
    pub kept: bool,
}

/// The distribution over the next token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The largest candidates, best first.
    pub bars: Vec<Bar>,
    /// Largest scaled logit.
    pub max: f32,
    /// Σ exp(scaled − max) over the vocabulary.
    pub sum: f32,
    /// The same sum over the tokens that are kept.
    pub kept_sum: f32,
    /// How many tokens are kept.
    pub n_kept: usize,
    /// Entropy of what is kept, nats.
    pub entropy: f32,
    /// Logits that are not finite.
    pub n_non_finite: usize,
}

/// Computes it. `logits` are all of the vocabulary, `candidates` the largest of them in order.
pub fn distribution(logits: &[f32], candidates: &[Candidate], sampling: Sampling) -> Distribution {
    let is_greedy = sampling.temperature <= 0.0;
    let temperature = if is_greedy { 1.0 } else { sampling.temperature };
    let scale = |logit: f32| logit / temperature;
    let largest =
        logits.iter().copied().filter(|l| l.is_finite()).fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() {
        return Distribution { n_non_finite: logits.len(), ..Distribution::default() };
    }
    let max = scale(largest);
    let weight = |logit: f32| if logit.is_finite() { (scale(logit) - max).exp() } else { 0.0 };
    let sum: f32 = logits.iter().map(|&logit| f64::from(weight(logit))).sum::<f64>() as f32;
    let threshold = if is_greedy { largest } else { threshold(logits, sampling, weight, sum) };
    let mut n_kept = 0;
    let (mut kept_sum, mut weighted) = (0.0_f64, 0.0_f64);
    for &logit in logits.iter().filter(|logit| **logit >= threshold && logit.is_finite()) {
        if is_greedy && n_kept == 1 {
            break;
        }
        let w = f64::from(weight(logit));
        n_kept += 1;
        kept_sum += w;
        weighted += w * f64::from(scale(logit) - max);
    }
    let mut n_greedy = 0;
    let bars = candidates
        .iter()
        .map(|candidate| {
            let exponential = weight(candidate.logit);
            let mut kept = candidate.logit >= threshold;
            if is_greedy && kept {
                kept = n_greedy == 0;
                n_greedy += 1;
            }
            Bar {
                scaled: scale(candidate.logit),
                exponential,
                share: exponential / sum,
                probability: if kept { exponential / kept_sum as f32 } else { 0.0 },
                kept,
                candidate: candidate.clone(),
            }
        })
        .collect();
    Distribution {
        bars,
        max,
        sum,
        kept_sum: kept_sum as f32,
        n_kept,
        entropy: (kept_sum.ln() - weighted / kept_sum).max(0.0) as f32,
        n_non_finite: logits.iter().filter(|logit| !logit.is_finite()).count(),
    }
}

/// The smallest logit that is kept.
fn threshold(logits: &[f32], sampling: Sampling, weight: impl Fn(f32) -> f32, sum: f32) -> f32 {
    let keeps_all = |k: usize| k == 0 || k >= logits.len();
    let top_k = sampling.top_k as usize;
    if keeps_all(top_k) && sampling.top_p >= 1.0 {
        return f32::NEG_INFINITY;
    }
    let finite: Vec<f32> = logits.iter().copied().filter(|logit| logit.is_finite()).collect();
    let mut sorted: Vec<f32> =
        descending(&finite).into_iter().map(|idx| finite[idx as usize]).collect();
    let mut total = sum;
    if !keeps_all(top_k) {
        sorted.truncate(top_k);
        total = sorted.iter().map(|&logit| weight(logit)).sum();
    }
    if sampling.top_p < 1.0 {
        let mut so_far = 0.0;
        for &logit in &sorted {
            so_far += weight(logit) / total;
            if so_far >= sampling.top_p {
                return logit;
            }
        }
    }
    sorted.last().copied().unwrap_or(f32::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [2.0, 1.0, 0.0, -1.0];

    fn at(sampling: Sampling) -> Distribution {
        let candidates: Vec<Candidate> = LOGITS
            .iter()
            .enumerate()
            .map(|(id, &logit)| Candidate { id: id as u32, text: String::new(), logit })
            .collect();
        distribution(&LOGITS, &candidates, sampling)
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() <= 1e-6
    }

    #[test]
    fn softmax_of_four_logits() {
        let all = at(Sampling::default());
        assert!(near(all.bars[0].probability, 0.643_914_3));
        assert!(near(all.bars.iter().map(|bar| bar.probability).sum(), 1.0));
        assert!(near(all.entropy, 0.947_536_9));
        assert_eq!(all.n_kept, 4);
    }

    #[test]
    fn temperature_flattens_and_zero_takes_the_first() {
        let hot = at(Sampling { temperature: 2.0, ..Sampling::default() });
        assert!(hot.bars[0].probability < 0.5);
        assert!(near(hot.bars[1].scaled, 0.5));
        let cold = at(Sampling { temperature: 0.0, ..Sampling::default() });
        assert_eq!(cold.bars[0].probability, 1.0);
        assert_eq!((cold.n_kept, cold.entropy), (1, 0.0));
    }

    #[test]
    fn top_k_and_top_p_cut_and_renormalise() {
        let two = at(Sampling { top_k: 2, ..Sampling::default() });
        assert!(near(two.bars[0].probability, 0.731_058_6));
        assert!(!two.bars[2].kept && two.bars[2].share > 0.0);
        let nucleus = at(Sampling { top_p: 0.8, ..Sampling::default() });
        assert_eq!(nucleus.n_kept, 2);
        let both = at(Sampling { top_k: 3, top_p: 0.7, ..Sampling::default() });
        assert_eq!(both.n_kept, 2);
    }

    #[test]
    fn extreme_and_missing_numbers_stay_finite() {
        let candidates = [Candidate { id: 0, text: String::new(), logit: 1e4 }];
        let wide = distribution(&[1e4, -1e4, f32::NAN], &candidates, Sampling::default());
        assert_eq!(wide.bars[0].probability, 1.0);
        assert_eq!(wide.n_non_finite, 1);
        let none = distribution(&[f32::NAN; 3], &candidates, Sampling::default());
        assert!(none.bars.is_empty() && none.n_non_finite == 3);
    }
}
