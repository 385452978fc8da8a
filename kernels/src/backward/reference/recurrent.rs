//! Recurrent units over a batch and additive attention, by their definitions.

use super::softmax_row;
use crate::ops::additive_attention::AdditiveAttention;
use crate::ops::gru_batch::GruBatch;
use crate::ops::lstm_batch::LstmBatch;
use crate::tensor::Shape;

/// h, and NaN for what no gradient goes through.
pub(super) fn gru<'a>(
    op: &GruBatch,
    x: &dyn Fn(usize) -> &'a [f64],
    shape: &dyn Fn(usize) -> Shape,
) -> Vec<Vec<f64>> {
    let (d, n_all) = (shape(1).n_cols(), shape(0).n_rows());
    let n_rows = n_all / op.n_sequences;
    let mut all = vec![0.0; n_all * d];
    for sequence in 0..op.n_sequences {
        let mut h = match op.has_start {
            true => x(3)[sequence * d..][..d].to_vec(),
            false => vec![0.0; d],
        };
        for idx in 0..n_rows {
            let at = sequence * n_rows + op.row(idx, n_rows);
            let sums = products(x(1), x(2), &h);
            let own = &x(0)[at * 3 * d..][..3 * d];
            let is_shown = !op.has_shown || x(op.shown_idx())[at] != 0.0;
            for (col, h) in h.iter_mut().enumerate().filter(|_| is_shown) {
                let r = sigmoid(own[col] + sums[col]);
                let z = sigmoid(own[d + col] + sums[d + col]);
                let n = (own[2 * d + col] + r * sums[2 * d + col]).tanh();
                *h = (1.0 - z) * n + z * *h;
            }
            all[at * d..][..d].copy_from_slice(&h);
        }
    }
    vec![all, vec![f64::NAN; n_all * 4 * d], vec![f64::NAN; n_all * d]]
}

/// h, and NaN for what no gradient goes through.
pub(super) fn lstm<'a>(
    op: &LstmBatch,
    x: &dyn Fn(usize) -> &'a [f64],
    shape: &dyn Fn(usize) -> Shape,
) -> Vec<Vec<f64>> {
    let (d, n_all) = (shape(1).n_cols(), shape(0).n_rows());
    let n_rows = n_all / op.n_sequences;
    let mut all = vec![0.0; n_all * d];
    let (mut h, mut c) = (vec![0.0; d], vec![0.0; d]);
    for at in 0..n_all {
        if at % n_rows == 0 {
            h.fill(0.0);
            c.fill(0.0);
        }
        let mut sums = products(x(1), x(2), &h);
        sums.iter_mut().zip(&x(0)[at * 4 * d..]).for_each(|(sum, x)| *sum += x);
        for col in 0..d {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| sums[gate * d + col]);
            c[col] = sigmoid(f) * c[col] + sigmoid(i) * g.tanh();
            h[col] = sigmoid(o) * c[col].tanh();
        }
        all[at * d..][..d].copy_from_slice(&h);
    }
    vec![all, vec![f64::NAN; n_all * 5 * d], vec![f64::NAN; n_all * d]]
}

/// z and the pattern.
pub(super) fn additive_attention<'a>(
    op: &AdditiveAttention,
    x: &dyn Fn(usize) -> &'a [f64],
    shape: &dyn Fn(usize) -> Shape,
) -> Vec<Vec<f64>> {
    let [n_rows, n_keys, a, c] = op.extents(shape(0), shape(1), shape(3));
    let (mut z, mut patterns) = (Vec::new(), Vec::new());
    for (row, q) in x(0).chunks_exact(a).enumerate() {
        let first = row / n_rows * n_keys;
        let key = |key: usize| &x(1)[(first + key) * a..][..a];
        let energy = |at: usize| -> f64 {
            q.iter().zip(key(at)).zip(x(2)).map(|((q, k), v)| v * (q + k).tanh()).sum()
        };
        let mut pattern: Vec<f64> = (0..n_keys).map(energy).collect();
        softmax_row(&mut pattern, &|at| !op.has_shown || x(4)[first + at] != 0.0);
        let value = |at: usize, col: usize| x(3)[(first + at) * c + col];
        let sum = |col: usize| (0..n_keys).map(|at| pattern[at] * value(at, col)).sum::<f64>();
        z.extend((0..c).map(sum));
        patterns.extend(pattern);
    }
    vec![z, patterns]
}

/// W·h + b.
fn products(w: &[f64], b: &[f64], h: &[f64]) -> Vec<f64> {
    let rows = w.chunks_exact(h.len()).zip(b);
    rows.map(|(w, b)| b + w.iter().zip(h).map(|(w, h)| w * h).sum::<f64>()).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
