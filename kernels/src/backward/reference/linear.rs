//! Linear attention, the delta rule and their feature maps by their definitions.

use crate::ops::feature_map::{FeatureMap, Features};
use crate::ops::linear_attention::{Form, LinearAttention};
use crate::ops::running_sum::RunningSum;
use crate::tensor::Shape;

/// Sums of rows up to each, or from each on.
pub(super) fn running_sum(op: &RunningSum, x: &[f64], shape: Shape) -> Vec<f64> {
    let (n, n_rows) = (shape.n_cols(), shape.n_rows() / op.n_sequences);
    let cell = |at: usize| {
        let (row, col) = (at / n, at % n);
        let first = row / n_rows * n_rows;
        let rows = if op.reversed { row..first + n_rows } else { first..row + 1 };
        rows.map(|row| x[row * n + col]).sum()
    };
    (0..x.len()).map(cell).collect()
}

/// φ(x), head by head.
pub(super) fn features(op: &FeatureMap, x: &[f64], omega: &[f64]) -> Vec<f64> {
    let d = op.d_head;
    let m = omega.len() / d;
    let of_head = |x: &[f64]| -> Vec<f64> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let along: Vec<f64> = omega.chunks_exact(d).map(|omega| dot(omega, x)).collect();
        let (half_square, root) = (dot(x, x) / 2.0, (m as f64).sqrt());
        match op.features {
            Features::Identity => x.to_vec(),
            Features::EluPlusOne => {
                x.iter().map(|x| if *x > 0.0 { x + 1.0 } else { x.exp() }).collect()
            }
            Features::Relu => x.iter().map(|x| x.max(0.0)).collect(),
            Features::Dpfp(nu) => {
                let r: Vec<f64> =
                    x.iter().copied().chain(x.iter().map(|x| -x)).map(|x| x.max(0.0)).collect();
                let cell = |at: usize| r[at % r.len()] * r[(at + at / r.len() + 1) % r.len()];
                (0..r.len() * nu).map(cell).collect()
            }
            Features::FavorPositive => {
                along.iter().map(|along| (along - half_square).exp() / root).collect()
            }
            Features::FavorTrigonometric => {
                let factor = half_square.exp() / root;
                let sines = along.iter().map(|along| factor * along.sin());
                sines.chain(along.iter().map(|along| factor * along.cos())).collect()
            }
        }
    };
    x.chunks_exact(d).flat_map(of_head).collect()
}

/// Rows of a map, and what its tokens keep of each other.
struct Map<'a> {
    op: &'a LinearAttention,
    map: usize,
    n_rows: usize,
    decay: Option<&'a [f64]>,
}

impl Map<'_> {
    fn row(&self, t: usize) -> usize {
        let (sequence, head) = (self.map / self.op.n_heads, self.map % self.op.n_heads);
        (sequence * self.n_rows + t) * self.op.n_heads + head
    }

    fn head<'b>(&self, x: &'b [f64], t: usize, d: usize) -> &'b [f64] {
        &x[self.row(t) * d..][..d]
    }

    /// What token t keeps of token s: nothing of those that it does not see.
    fn kept(&self, t: usize, s: usize) -> f64 {
        let is_seen = if self.op.reversed { s >= t } else { s <= t };
        if !is_seen || self.op.strict && s == t {
            return 0.0;
        }
        let between = t.min(s) + 1..t.max(s) + 1;
        let sum = self.decay.map_or(0.0, |decay| between.map(|r| decay[self.row(r)]).sum());
        sum.exp()
    }

    fn weight(&self, q: &[f64], k: &[f64], t: usize, s: usize, d: usize) -> f64 {
        let pairs = self.head(q, t, d).iter().zip(self.head(k, s, d));
        self.kept(t, s) * pairs.map(|(q, k)| q * k).sum::<f64>()
    }
}

/// What no gradient goes through, beside the results.
fn beside(op: &LinearAttention, n_rows: usize, [d_key, d_value]: [usize; 2]) -> Vec<f64> {
    let len = match op.form {
        Form::Attention => n_rows * n_rows,
        Form::Recurrent => d_key * d_value,
        Form::Chunked(n) => n_rows.div_ceil(n) * d_key * d_value,
    };
    vec![f64::NAN; op.n_sequences * op.n_heads * len]
}

fn maps<'a>(
    op: &'a LinearAttention,
    n_values: usize,
    d: usize,
    decay: Option<&'a [f64]>,
) -> impl Iterator<Item = Map<'a>> {
    let n_rows = n_values / (op.n_sequences * op.n_heads * d);
    (0..op.n_sequences * op.n_heads).map(move |map| Map { op, map, n_rows, decay })
}

/// z and what is beside it.
pub(super) fn attention(
    op: &LinearAttention,
    [q, k, v]: [&[f64]; 3],
    decay: Option<&[f64]>,
    [d_key, d_value]: [usize; 2],
) -> Vec<Vec<f64>> {
    let mut z = vec![0.0; v.len()];
    let mut n_rows = 0;
    for map in maps(op, k.len(), d_key, decay) {
        n_rows = map.n_rows;
        for t in 0..n_rows {
            let z = &mut z[map.row(t) * d_value..][..d_value];
            for s in 0..n_rows {
                let weight = map.weight(q, k, t, s, d_key);
                z.iter_mut().zip(map.head(v, s, d_value)).for_each(|(z, v)| *z += weight * v);
            }
        }
    }
    vec![z, beside(op, n_rows, [d_key, d_value])]
}

/// u, e and what is beside them.
pub(super) fn delta_rule(
    op: &LinearAttention,
    [k, v, beta]: [&[f64]; 3],
    decay: Option<&[f64]>,
    [d_key, d_value]: [usize; 2],
) -> Vec<Vec<f64>> {
    let (mut u, mut e) = (vec![0.0; v.len()], v.to_vec());
    let mut n_rows = 0;
    for map in maps(op, k.len(), d_key, decay) {
        n_rows = map.n_rows;
        for idx in 0..n_rows {
            let t = if op.reversed { n_rows - 1 - idx } else { idx };
            let at = map.row(t) * d_value;
            for s in (0..n_rows).filter(|&s| s != t) {
                let weight = map.weight(k, k, t, s, d_key);
                for col in 0..d_value {
                    e[at + col] -= weight * u[map.row(s) * d_value + col];
                }
            }
            for col in at..at + d_value {
                u[col] = beta[map.row(t)] * e[col];
            }
        }
    }
    let mut all = vec![u, e];
    match op.form {
        Form::Chunked(n) => {
            let n_maps = op.n_sequences * op.n_heads;
            let sizes = [d_key * d_value, n_rows * n, n_rows * d_key];
            all.extend(sizes.map(|size| vec![f64::NAN; n_maps * size]));
        }
        _ => all.push(beside(op, n_rows, [d_key, d_value])),
    }
    all
}
