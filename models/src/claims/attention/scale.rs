//! Why √d_k: products of random queries and keys, and what softmax makes of them with and without the scale
//! (section 3.2.1, footnote 4: components of mean 0 and variance 1 give products of variance d_k).

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::row_stats::EntropyOf;
use vitrine_kernels::ops::softmax::Masks;
use vitrine_kernels::{Control, Engine, Recorder, Step};

use super::super::flash::{Qkv, heads_of, run};
use crate::error::ModelError;

/// Bins of a distribution.
pub const N_BINS: usize = 33;
/// A distribution reaches so many √d_k to either side.
pub const REACH: f64 = 4.0;
/// Columns of what the kernel says of a row: the Euclidean norm and the entropy, of six.
const NORM: usize = 4;
const ENTROPY: usize = 5;
const N_STATS: usize = 6;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Columns of queries and keys, d_k.
    pub widths: Vec<u32>,
    /// Queries.
    pub n_rows: u32,
    /// Keys.
    pub n_keys: u32,
    /// Of the random numbers.
    pub seed: u64,
}

/// Products of one d_k, and their shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Products {
    /// d_k.
    pub d_k: u32,
    /// Standard deviation of q·k.
    pub std: f64,
    /// How many products lie in each of [`N_BINS`] equal bins from −4√d_k to 4√d_k; those beyond in none.
    pub bins: Vec<u32>,
    /// Mean entropy of a row's shares, nats: of q·k, of q·k/√d_k.
    pub entropy: [f64; 2],
    /// Mean of Σ p(1 − p) over a row, the trace of softmax's derivative: likewise. 0 lets nothing back.
    pub slope: [f64; 2],
}

/// Normal queries and keys of one d_k: products, softmax and entropies by kernels.
///
/// # Errors
/// What the engine reports.
pub async fn products(
    engine: &mut Engine,
    ask: &Scale,
    d_k: u32,
    control: &Control,
) -> Result<Products, ModelError> {
    let (n_rows, n_keys) = (ask.n_rows.max(1), ask.n_keys.max(1));
    let qkv = Qkv::random([n_rows, n_keys], d_k, ask.seed);
    let mut recorder = Recorder::new();
    let [q, k, _] = qkv.record(&mut recorder);
    let scaled = heads_of(d_k as usize);
    let raw = recorder.attention_scores(q, k, AttentionScores { scale: 1.0, ..scaled })?;
    let scaled = recorder.attention_scores(q, k, scaled)?;
    let mut ids = vec![raw];
    for scores in [raw, scaled] {
        let pattern = recorder.softmax(scores, Masks::default())?;
        ids.push(recorder.row_stats(pattern, EntropyOf::Probabilities)?);
    }
    let found = run(engine, recorder, Step::default(), &qkv.inputs(), &ids, control).await?;
    let [raw, without, with] = <[Vec<f32>; 3]>::try_from(found).unwrap_or_default();
    let n = raw.len() as f64;
    let mean = raw.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = raw.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
    let of_rows = |stats: &[f32], of: fn(&[f32]) -> f64| {
        stats.chunks_exact(N_STATS).map(of).sum::<f64>() / f64::from(n_rows)
    };
    let both = |of: fn(&[f32]) -> f64| [of_rows(&without, of), of_rows(&with, of)];
    Ok(Products {
        d_k,
        std: (square / n).sqrt(),
        bins: bins(&raw, REACH * f64::from(d_k).sqrt()),
        entropy: both(|row| row[ENTROPY].into()),
        slope: both(|row| 1.0 - f64::from(row[NORM]).powi(2)),
    })
}

/// Counts of values from −reach to reach.
fn bins(values: &[f32], reach: f64) -> Vec<u32> {
    let mut counts = vec![0; N_BINS];
    for &value in values {
        let at = (f64::from(value) + reach) / (2.0 * reach) * N_BINS as f64;
        if at >= 0.0
            && let Some(count) = counts.get_mut(at as usize)
        {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_count_what_is_within() {
        let counts = bins(&[0.0, 0.1, -3.9, 3.9, 4.1, -4.1, f32::NAN], 4.0);
        assert_eq!(counts.iter().sum::<u32>(), 4);
        assert_eq!((counts[0], counts[N_BINS / 2], counts[N_BINS - 1]), (1, 2, 1));
    }
}
