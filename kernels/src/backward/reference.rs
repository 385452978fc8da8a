//! The ops that have gradient rules, by their definitions in f64: what finite differences are
//! taken of. Slow and plain, and nothing of the engines is in it but the random words of dropout.

mod linear;
mod recurrent;

use crate::ops::activation::Activation;
use crate::ops::attention::Attention;
use crate::ops::dropout::philox::masks;
use crate::ops::head_scale::HeadScale;
use crate::ops::pair_loss::PairLoss;
use crate::ops::rope::{Rope, RopePairs};
use crate::ops::{Op, softmax};
use crate::recording::Node;
use crate::tensor::{Shape, TensorId};

/// Values of tensors, by id; integers as they are.
pub(super) type Values = Vec<Vec<f64>>;

/// Computes what `nodes` give from the values that are there.
pub(super) fn evaluate(nodes: &[Node], shapes: &[Shape], values: &mut Values) {
    for node in nodes {
        if let Op::Fill(op) = &node.op {
            let id = node.outputs[0].index();
            values[id] = vec![f64::from(op.value); shapes[id].len()];
            continue;
        }
        let results = {
            let x = |idx: usize| &values[node.inputs[idx].index()][..];
            let shape = |idx: usize| shapes[node.inputs[idx].index()];
            let n_inputs = node.inputs.len();
            results_of(&node.op, n_inputs, &x, &shape)
        };
        for (id, result) in node.outputs.iter().zip(results) {
            assert_eq!(result.len(), shapes[id.index()].len(), "{}", node.op.name());
            values[id.index()] = result;
        }
    }
}

/// Shapes of the first `n` tensors.
pub(super) fn shapes_of(recorder: &crate::Recorder, n: usize) -> Vec<Shape> {
    (0..n as u32).map(|id| recorder.shape(TensorId(id))).collect()
}

fn results_of<'a>(
    op: &Op,
    n_inputs: usize,
    x: &dyn Fn(usize) -> &'a [f64],
    shape: &dyn Fn(usize) -> Shape,
) -> Vec<Vec<f64>> {
    let pairs = |f: &dyn Fn(f64, f64) -> f64| {
        vec![x(0).iter().zip(x(1)).map(|(a, b)| f(*a, *b)).collect::<Vec<f64>>()]
    };
    let each = |f: &dyn Fn(f64) -> f64| vec![x(0).iter().map(|a| f(*a)).collect::<Vec<f64>>()];
    match op {
        Op::Add(_) => pairs(&|a, b| a + b),
        Op::Multiply(_) => pairs(&|a, b| a * b),
        Op::Mix(op) if n_inputs == 1 => each(&|a| f64::from(op.a) * a),
        Op::Mix(op) => pairs(&|a, b| f64::from(op.a) * a + f64::from(op.b) * b),
        Op::Activation(kind) => each(&|a| activate(*kind, a)),
        Op::Gated(op) => pairs(&|gate, up| activate(op.activation, gate) * up),
        Op::Scale(op) => {
            let n = shape(0).n_cols();
            let cell = |(at, value): (usize, &f64)| {
                let is_within = op.rows.contains(&(at / n)) && op.cols.contains(&(at % n));
                value * if is_within { f64::from(op.factor) } else { 1.0 }
            };
            vec![x(0).iter().enumerate().map(cell).collect()]
        }
        Op::Dropout(op) => {
            let mut kept = vec![0.0; x(0).len()];
            let key = [x(1)[0] as u32, x(1)[1] as u32];
            masks(0, op.stream, key, (op.threshold(), op.factor()), &mut kept);
            vec![x(0).iter().zip(kept).map(|(a, kept)| a * f64::from(kept)).collect()]
        }
        Op::Gather(_) => {
            let d = shape(0).n_cols();
            let row = |id: &f64| {
                x(0).chunks_exact(d).nth(*id as usize).map_or(vec![0.0; d], <[f64]>::to_vec)
            };
            vec![x(1).iter().flat_map(row).collect()]
        }
        Op::Linear(op) => {
            let [t, k, n] = [shape(0).n_rows(), shape(0).n_cols(), shape(1).n_rows()];
            let mut y = product([x(0), x(1)], [t, n, k], [[k, 1], [1, k]]);
            if op.has_bias {
                y.iter_mut().enumerate().for_each(|(at, y)| *y += x(2)[at % n]);
            }
            vec![y]
        }
        Op::Matmul(op) => {
            let (extents, _) = op.extents(shape(0), shape(1));
            let strides = |turned: bool, cols: usize| if turned { [1, cols] } else { [cols, 1] };
            let a = strides(op.a_turned, shape(0).n_cols());
            let b = strides(op.b_turned, shape(1).n_cols());
            vec![product([x(0), x(1)], extents, [a, b])]
        }
        Op::LayerNorm(op) => {
            let d = shape(0).n_cols();
            let gain = op.has_gain.then(|| x(1));
            let bias = op.has_bias.then(|| x(1 + usize::from(op.has_gain)));
            norm(x(0), d, [gain, bias], f64::from(op.eps), true)
        }
        Op::RmsNorm(op) => {
            let d = if op.has_gain { x(1).len() } else { shape(0).n_cols() };
            norm(x(0), d, [op.has_gain.then(|| x(1)), None], f64::from(op.eps), false)
        }
        Op::HeadDots(op) => {
            let d = shape(0).n_cols() / op.n_heads;
            let both = x(0).chunks_exact(d).zip(x(1).chunks_exact(d));
            vec![both.map(|(x, y)| x.iter().zip(y).map(|(x, y)| x * y).sum()).collect()]
        }
        Op::HeadScale(op) => {
            let d = shape(0).n_cols() / shape(1).n_cols();
            let cell = |(at, x_at): (usize, &f64)| match op {
                HeadScale::Times => x_at * x(1)[at / d],
                HeadScale::Over(eps) => x_at / (x(1)[at / d] + f64::from(*eps)),
            };
            vec![x(0).iter().enumerate().map(cell).collect()]
        }
        Op::RunningSum(op) => vec![linear::running_sum(op, x(0), shape(0))],
        Op::FeatureMap(op) => {
            vec![linear::features(op, x(0), if n_inputs > 1 { x(1) } else { &[] })]
        }
        Op::LinearAttention(op) => {
            let decay = if op.has_decay { Some(x(3)) } else { None };
            let widths = [shape(0), shape(2)].map(|shape| shape.n_cols() / op.n_heads);
            linear::attention(op, [x(0), x(1), x(2)], decay, widths)
        }
        Op::DeltaRule(op) => {
            let decay = if op.of.has_decay { Some(x(3)) } else { None };
            let widths = [shape(0), shape(1)].map(|shape| shape.n_cols() / op.of.n_heads);
            linear::delta_rule(&op.of, [x(0), x(1), x(2)], decay, widths)
        }
        Op::Softmax(op) => {
            let [n_rows, n_cols] = [shape(0).dims()[1], shape(0).dims()[2]];
            let mut y = x(0).to_vec();
            if op.has_bias {
                y.iter_mut().zip(x(1)).for_each(|(y, bias)| *y += bias);
            }
            for (row, y) in y.chunks_exact_mut(n_cols).enumerate() {
                let end = if op.causal { row % n_rows + 1 } else { n_cols };
                softmax_row(y, &|col| col < end);
            }
            vec![y]
        }
        Op::Rope(op) => vec![turn(op, x(0), x(1), (n_inputs > 2).then(|| x(2)), shape(0).n_cols())],
        Op::Attention(op) => attention(op, n_inputs, x, shape),
        Op::Concat(_) => {
            let [m, n] = [0, 1].map(|idx| shape(idx).n_cols());
            let rows = x(0).chunks_exact(m).zip(x(1).chunks_exact(n));
            vec![rows.flat_map(|(a, b)| [a, b].concat()).collect()]
        }
        Op::Window(op) => {
            let n = x(0).len() / op.n_rows;
            let cell = |at: usize| {
                let col = (at % op.n_cols) as isize + op.shift;
                let is_there = (0..n as isize).contains(&col);
                if is_there { x(0)[at / op.n_cols * n + col as usize] } else { 0.0 }
            };
            vec![(0..op.n_rows * op.n_cols).map(cell).collect()]
        }
        Op::GruBatch(op) => recurrent::gru(op, x, shape),
        Op::LstmBatch(op) => recurrent::lstm(op, x, shape),
        Op::AdditiveAttention(op) => recurrent::additive_attention(op, x, shape),
        Op::AttentionRecomputed(op) => attention(&op.of, n_inputs, x, shape)[..2].to_vec(),
        Op::CrossEntropy(op) => {
            let n = shape(0).n_cols();
            let smoothing = f64::from(op.smoothing);
            let (mut rows, mut total, mut n_counted) = (Vec::new(), 0.0, 0.0_f64);
            for (logits, target) in x(0).chunks_exact(n).zip(x(1)) {
                let log_sum = logits.iter().map(|x| x.exp()).sum::<f64>().ln();
                let own = logits.get(*target as usize).map_or(0.0, |logit| {
                    n_counted += 1.0;
                    let mean = logits.iter().sum::<f64>() / n as f64;
                    log_sum - (1.0 - smoothing) * logit - smoothing * mean
                });
                total += own;
                rows.extend([own, log_sum]);
            }
            vec![vec![total / n_counted.max(1.0)], rows]
        }
        Op::PairLoss(op) => {
            let [n_rows, n] = op.extents(shape(0));
            let log_sum = |row: &[f64]| row.iter().map(|x| x.exp()).sum::<f64>().ln();
            let of_row = |(x, y): (&[f64], &[f64])| -> f64 {
                let pairs = x.iter().zip(y);
                match op {
                    PairLoss::Squares => {
                        pairs.map(|(x, y)| (x - y).powi(2)).sum::<f64>() / n as f64
                    }
                    PairLoss::Preference => pairs.map(|(x, y)| (y - x).exp().ln_1p()).sum(),
                    PairLoss::Divergence => {
                        let (of_x, of_y) = (log_sum(x), log_sum(y));
                        pairs.map(|(x, y)| (y - of_y).exp() * (y - of_y - x + of_x)).sum()
                    }
                }
            };
            let rows = x(0).chunks_exact(n).zip(x(1).chunks_exact(n)).map(of_row);
            vec![vec![rows.sum::<f64>() / n_rows as f64], vec![f64::NAN; 3 * n_rows]]
        }
        Op::PolicyLoss(op) => {
            let n = shape(0).n_cols();
            let (mut total, mut n_counted) = (0.0, 0.0_f64);
            for (row, logits) in x(0).chunks_exact(n).enumerate() {
                let Some(logit) = logits.get(x(1)[row] as usize) else { continue };
                let log_p = logit - logits.iter().map(|x| x.exp()).sum::<f64>().ln();
                let (ratio, advantage) = ((log_p - x(2)[row]).exp(), x(3)[row]);
                let clip = f64::from(op.clip);
                let cut = ratio.clamp(1.0 - clip, 1.0 + clip);
                total -= (ratio * advantage).min(cut * advantage);
                n_counted += 1.0;
            }
            vec![vec![total / n_counted], vec![f64::NAN; 3 * shape(0).n_rows()]]
        }
        other => panic!("{} has no reference", other.name()),
    }
}

fn activate(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::GeluErf => 0.5 * x * (1.0 + libm::erf(x / 2_f64.sqrt())),
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh())
        }
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
    }
}

fn product([a, b]: [&[f64]; 2], [m, n, k]: [usize; 3], [a_by, b_by]: [[usize; 2]; 2]) -> Vec<f64> {
    let cell = |at: usize| {
        let (i, j) = (at / n, at % n);
        (0..k).map(|l| a[i * a_by[0] + l * a_by[1]] * b[l * b_by[0] + j * b_by[1]]).sum::<f64>()
    };
    (0..m * n).map(cell).collect()
}

fn norm(
    x: &[f64],
    d: usize,
    [gain, bias]: [Option<&[f64]>; 2],
    eps: f64,
    centred: bool,
) -> Vec<Vec<f64>> {
    let (mut y, mut stats) = (Vec::new(), Vec::new());
    for row in x.chunks_exact(d) {
        let mean = row.iter().sum::<f64>() / d as f64;
        let shift = if centred { mean } else { 0.0 };
        let square = row.iter().map(|x| (x - shift).powi(2)).sum::<f64>() / d as f64;
        let scale = (square + eps).sqrt();
        for (col, x) in row.iter().enumerate() {
            let gained = (x - shift) / scale * gain.map_or(1.0, |gain| gain[col]);
            y.push(gained + bias.map_or(0.0, |bias| bias[col]));
        }
        stats.extend([mean, scale]);
    }
    vec![y, stats]
}

/// Softmax over the cells that are seen; the others become 0.
fn softmax_row(row: &mut [f64], is_seen: &dyn Fn(usize) -> bool) {
    let largest =
        |most: f64, (col, x): (usize, &f64)| if is_seen(col) { most.max(*x) } else { most };
    let shift = row.iter().enumerate().fold(f64::NEG_INFINITY, largest);
    for (col, x) in row.iter_mut().enumerate() {
        *x = if is_seen(col) { (*x - shift).exp() } else { 0.0 };
    }
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= if sum == 0.0 { 1.0 } else { sum });
}

fn turn(
    op: &Rope,
    x: &[f64],
    positions: &[f64],
    factors: Option<&[f64]>,
    n_cols: usize,
) -> Vec<f64> {
    let mut y = x.to_vec();
    for (head, y) in y.chunks_exact_mut(op.d_head).enumerate() {
        let position = positions[head / (n_cols / op.d_head)];
        for pair in 0..op.n_rotary / 2 {
            let frequency = f64::from(op.base).powf(-2.0 * pair as f64 / op.n_rotary as f64);
            let angle = position * frequency / factors.map_or(1.0, |factors| factors[pair]);
            let angle = if op.inverse { -angle } else { angle };
            let (a, b) = match op.pairs {
                RopePairs::Halves => (pair, pair + op.n_rotary / 2),
                RopePairs::Interleaved => (2 * pair, 2 * pair + 1),
            };
            let (u, v) = (y[a], y[b]);
            y[a] = u * angle.cos() - v * angle.sin();
            y[b] = u * angle.sin() + v * angle.cos();
        }
    }
    y
}

fn attention<'a>(
    op: &Attention,
    n_inputs: usize,
    x: &dyn Fn(usize) -> &'a [f64],
    shape: &dyn Fn(usize) -> Shape,
) -> Vec<Vec<f64>> {
    let indices: Vec<usize> = (0..n_inputs).collect();
    let [shown, bias, distances, seed] = op.given.split(&indices[3..]);
    let [n_rows, n_cols] = [0, 1].map(|idx| shape(idx).n_rows() / op.n_sequences);
    let (d, group) = (op.d_head, op.n_heads / op.n_kv_heads);
    let (mut z, mut patterns) = (vec![0.0; x(0).len()], Vec::new());
    let slopes = softmax::alibi_slopes(op.n_heads);
    for map in 0..op.n_sequences * op.n_heads {
        let (sequence, head) = (map / op.n_heads, map % op.n_heads);
        for t in 0..n_rows {
            let q = &x(0)[((sequence * n_rows + t) * op.n_heads + head) * d..][..d];
            let key = |s: usize| ((sequence * n_cols + s) * op.n_kv_heads + head / group) * d;
            let position = if op.causal { t + n_cols - n_rows } else { t };
            let score = |s: usize| {
                let dot: f64 = q.iter().zip(&x(1)[key(s)..]).map(|(q, k)| q * k).sum();
                let mut value = dot * f64::from(op.scale);
                if let Some(bias) = bias {
                    let map = head % shape(bias).dims()[0];
                    value += x(bias)[(map * n_rows + t) * n_cols + s];
                }
                if op.reach.alibi {
                    value += f64::from(slopes[head]) * (s as f64 - position as f64);
                }
                if let Some(distances) = distances {
                    let n = shape(distances).n_cols();
                    let last = n as i64 - 1;
                    let at = (s as i64 - position as i64 + last / 2).clamp(0, last);
                    value += x(distances)[head * n + at as usize];
                }
                value
            };
            let mut row: Vec<f64> = (0..n_cols).map(score).collect();
            softmax_row(&mut row, &|s| {
                let is_before = !op.causal || s <= position;
                let is_near = op.reach.window == 0 || s + op.reach.window > position;
                let is_shown = shown.is_none_or(|shown| x(shown)[sequence * n_cols + s] != 0.0);
                is_before && is_near && is_shown
            });
            let mut kept = vec![1.0; n_cols];
            if let Some(seed) = seed {
                let (key, dropping) = (x(seed), op.dropping());
                let from = (map * n_rows + t) * n_cols;
                let by = (dropping.threshold(), dropping.factor());
                masks(from, op.stream, [key[0] as u32, key[1] as u32], by, &mut kept);
            }
            let z = &mut z[((sequence * n_rows + t) * op.n_heads + head) * d..][..d];
            for (s, weight) in row.iter().enumerate() {
                for (z, v) in z.iter_mut().zip(&x(2)[key(s)..]) {
                    *z += weight * f64::from(kept[s]) * v;
                }
            }
            patterns.extend(row);
        }
    }
    let n_stats = op.n_sequences * op.n_heads * n_rows * 2;
    // No gradient goes through the statistics.
    vec![z, vec![f64::NAN; n_stats], patterns]
}
