//! Every gradient rule against finite differences of the ops' definitions in f64.

use super::reference::{Values, evaluate, shapes_of};
use crate::engine::cpu::CpuOptions;
use crate::engine::cpu::testing::{engines, noise};
use crate::ops::activation::Activation;
use crate::ops::attention::{Attention, Given};
use crate::ops::cross_entropy::{CrossEntropy, IGNORED};
use crate::ops::dropout::Dropout;
use crate::ops::feature_map::{FeatureMap, Features};
use crate::ops::gru_batch::GruGiven;
use crate::ops::head_scale::HeadScale;
use crate::ops::linear_attention::{Form, LinearAttention};
use crate::ops::matmul::Matmul;
use crate::ops::mix::Mix;
use crate::ops::policy_loss::PolicyLoss;
use crate::ops::rope::{Rope, RopePairs};
use crate::ops::running_sum::RunningSum;
use crate::ops::scale::Scale;
use crate::ops::softmax::{Masks, Reach};
use crate::ops::window::Window;
use crate::{Control, DType, InputData, Read, Recorder, Shape, Step, TensorId};

/// A recording in the making, with the values of its inputs.
#[derive(Default)]
struct Case {
    recorder: Recorder,
    floats: Vec<(TensorId, Vec<f32>)>,
    integers: Vec<(TensorId, Vec<u32>)>,
    order: Vec<bool>,
}

impl Case {
    fn floats(&mut self, shape: impl Into<Shape>, values: Vec<f32>) -> TensorId {
        let id = self.recorder.input(shape, DType::F32);
        self.floats.push((id, values));
        self.order.push(true);
        id
    }

    fn noise(&mut self, shape: impl Into<Shape>) -> TensorId {
        let shape = shape.into();
        let values = noise(self.order.len() as u64 + 1, shape.len());
        self.floats(shape, values.iter().map(|value| value * 1.3).collect())
    }

    fn integers(&mut self, values: Vec<u32>) -> TensorId {
        let id = self.recorder.input([values.len()], DType::U32);
        self.integers.push((id, values));
        self.order.push(false);
        id
    }
}

/// Step of the differences.
const H: f64 = 1e-5;

/// Cells of a tensor that are moved.
const N_CELLS: usize = 40;

/// Records with `body`, which gives what is differentiated by and the result y; compares the
/// gradients of Σ weights·y with its differences.
fn check(name: &str, body: impl Fn(&mut Case) -> (Vec<TensorId>, TensorId)) {
    let mut case = Case::default();
    let (wrt, y) = body(&mut case);
    let weights = case.noise(case.recorder.shape(y));
    let nodes = case.recorder.nodes().to_vec();
    let shapes = shapes_of(&case.recorder, case.recorder.n_tensors());
    let mut values: Values = vec![Vec::new(); shapes.len()];
    for (id, given) in &case.floats {
        values[id.index()] = given.iter().map(|value| f64::from(*value)).collect();
    }
    for (id, given) in &case.integers {
        values[id.index()] = given.iter().map(|value| f64::from(*value)).collect();
    }
    let mut loss_at = |id: TensorId, cell: usize, by: f64| {
        let old = values[id.index()][cell];
        values[id.index()][cell] = old + by;
        evaluate(&nodes, &shapes, &mut values);
        values[id.index()][cell] = old;
        let both = values[y.index()].iter().zip(&values[weights.index()]);
        both.map(|(y, weight)| y * weight).sum::<f64>()
    };
    let gradients = case.recorder.backward_from(&[(y, weights)], &wrt).expect("has rules");
    gradients.iter().for_each(|&id| case.recorder.keep(id));
    let recording = std::mem::take(&mut case.recorder).finish();
    let reads: Vec<_> = gradients.iter().map(|&id| Read::tensor(&recording, id)).collect();
    let (mut floats, mut integers) = (case.floats.iter(), case.integers.iter());
    let next = |is_float: &bool| match is_float {
        true => floats.next().map(|(_, values)| InputData::F32(values)),
        false => integers.next().map(|(_, values)| InputData::U32(values)),
    };
    let inputs: Vec<_> = case.order.iter().filter_map(next).collect();
    let all: Vec<(String, Vec<Vec<f32>>)> = engines(CpuOptions::default())
        .map(|mut engine| {
            let control = Control::default();
            let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
            let values = pollster::block_on(run).expect("runs");
            (engine.name(), values)
        })
        .collect();
    for (idx, &id) in wrt.iter().enumerate() {
        let n = shapes[id.index()].len();
        let cells: Vec<usize> = (0..n).step_by(n.div_ceil(N_CELLS)).collect();
        let expected: Vec<f64> = cells
            .iter()
            .map(|&cell| (loss_at(id, cell, H) - loss_at(id, cell, -H)) / (2.0 * H))
            .collect();
        for (engine, got) in &all {
            let got: Vec<f32> = cells.iter().map(|&cell| got[idx][cell]).collect();
            let miss: f64 =
                got.iter().zip(&expected).map(|(g, e)| (f64::from(*g) - e).powi(2)).sum();
            let size: f64 = expected.iter().map(|e| e * e).sum();
            let err = (miss / size.max(1e-12)).sqrt();
            assert!(err <= 1e-5, "{name}, {engine}, operand {idx}: {err:e}\n{got:?}\n{expected:?}");
        }
    }
}

#[test]
fn products() {
    for (t, n, k) in [(1, 1, 1), (5, 33, 17), (70, 9, 65)] {
        check("linear", |case| {
            let (x, w, b) = (case.noise([t, k]), case.noise([n, k]), case.noise([n]));
            let y = case.recorder.linear(x, w, Some(b)).expect("fits");
            (vec![x, w, b], y)
        });
        for (a_turned, b_turned) in [(false, false), (false, true), (true, false), (true, true)] {
            check("matmul", |case| {
                let a = case.noise(if a_turned { [k, t] } else { [t, k] });
                let b = case.noise(if b_turned { [n, k] } else { [k, n] });
                let y = case.recorder.matmul(a, b, Matmul { a_turned, b_turned });
                (vec![a, b], y.expect("fits"))
            });
        }
    }
}

#[test]
fn value_by_value() {
    check("add, multiply, mix, scale", |case| {
        let (a, b) = (case.noise([7, 9]), case.noise([7, 9]));
        let recorder = &mut case.recorder;
        let sum = recorder.add(a, b).expect("alike");
        let product = recorder.multiply(sum, a).expect("alike");
        let mixed = recorder.mix(product, b, Mix { a: 0.7, b: -1.3 }).expect("alike");
        let times = recorder.times(mixed, 0.9).expect("any");
        let scale = Scale { rows: 2..5, cols: 1..4, factor: -0.5 };
        (vec![a, b], recorder.scale(times, scale).expect("fits"))
    });
    check("dropout", |case| {
        let (x, seed) = (case.noise([9, 31]), case.integers(vec![3, 4]));
        let y = case.recorder.dropout(x, seed, Dropout { rate: 0.4, stream: 2 });
        (vec![x], y.expect("fits"))
    });
    let kinds = [
        Activation::GeluErf,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Relu,
        Activation::Tanh,
    ];
    for kind in kinds {
        check("activation, gated", |case| {
            let x = (0..200).map(|i| (i as f32 - 99.5) / 25.0).collect();
            let (x, up) = (case.floats([200], x), case.noise([200]));
            let y = case.recorder.activation(x, kind).expect("floats");
            (vec![x, up], case.recorder.gated(y, up, kind).expect("alike"))
        });
    }
}

#[test]
fn rows_of_tables() {
    check("gather", |case| {
        let table = case.noise([6, 11]);
        let ids = case.integers(vec![3, 0, 3, 5, 9, 3, 1]);
        (vec![table], case.recorder.gather(table, ids).expect("fits"))
    });
}

#[test]
fn norms() {
    for (t, d) in [(2, 5), (3, 65), (40, 33)] {
        check("layer_norm", |case| {
            let (x, gain, bias) = (case.noise([t, d]), case.noise([d]), case.noise([d]));
            let y = case.recorder.layer_norm(x, Some(gain), Some(bias), 1e-2).expect("fits").y;
            let y = case.recorder.layer_norm(y, None, Some(bias), 1e-2).expect("fits").y;
            (vec![x, gain, bias], y)
        });
        check("rms_norm", |case| {
            let (x, gain) = (case.noise([t, 2 * d]), case.noise([d]));
            let y = case.recorder.rms_norm(x, Some(gain), 1e-2).expect("fits").y;
            (vec![x, gain], case.recorder.rms_norm(y, None, 1e-2).expect("fits").y)
        });
    }
}

#[test]
fn rope() {
    for pairs in [RopePairs::Halves, RopePairs::Interleaved] {
        check("rope", |case| {
            let (x, positions) = (case.noise([4, 20]), case.integers(vec![0, 3, 8, 90]));
            let factors = case.noise([4]);
            let rope = Rope {
                d_head: 10,
                n_rotary: 8,
                base: 1e4,
                pairs,
                has_factors: true,
                inverse: false,
            };
            let y = case.recorder.rope(x, positions, Some(factors), rope).expect("fits");
            (vec![x], y)
        });
    }
}

#[test]
fn softmax() {
    for causal in [false, true] {
        check("softmax", |case| {
            let (x, bias) = (case.noise([2, 5, 9]), case.noise([2, 5, 9]));
            let masks = Masks { causal, bias: Some(bias), ..Masks::default() };
            (vec![x, bias], case.recorder.softmax(x, masks).expect("fits"))
        });
    }
}

#[test]
fn cross_entropy() {
    for smoothing in [0.0, 0.2] {
        check("cross_entropy", |case| {
            let logits = case.noise([6, 21]);
            let targets = case.integers(vec![0, 20, IGNORED, 7, 7, 21]);
            let op = CrossEntropy { smoothing };
            let losses = case.recorder.cross_entropy(logits, targets, op).expect("fits");
            (vec![logits], losses.loss)
        });
    }
}

#[test]
fn losses_of_pairs() {
    check("mse", |case| {
        let (x, y) = (case.noise([5, 9]), case.noise([5, 9]));
        (vec![x, y], case.recorder.mse(x, y).expect("alike"))
    });
    check("preference", |case| {
        let (won, lost) = (case.noise([13]), case.noise([13]));
        (vec![won, lost], case.recorder.preference(won, lost).expect("alike"))
    });
    check("divergence", |case| {
        let (x, y) = (case.noise([5, 19]), case.noise([5, 19]));
        (vec![x], case.recorder.divergence(x, y).expect("alike"))
    });
}

#[test]
fn policy() {
    check("policy", |case| {
        let logits = case.noise([12, 9]);
        let actions = case.integers((0..12).map(|i| if i == 5 { 99 } else { i * 5 % 9 }).collect());
        // Ratios on both sides of the clip, with advantages of both signs.
        let old = (0..12).map(|i| -2.6 + 0.15 * i as f32).collect();
        let old = case.floats([12], old);
        let advantages = case.noise([12]);
        let operands = [logits, actions, old, advantages];
        (vec![logits], case.recorder.policy(operands, PolicyLoss { clip: 0.2 }).expect("fits"))
    });
}

#[test]
fn attention() {
    // Sequences, T, S, heads, heads of keys, columns, causal; what is given, by bits (32: a
    // window, 64: linear biases, 128: without a pattern).
    let cases = [
        ([1, 1, 1], [1, 1, 3], true, 0),
        ([2, 70, 70], [4, 2, 17], true, 1),
        ([2, 5, 9], [2, 2, 8], false, 2),
        ([3, 9, 5], [3, 1, 5], false, 4 + 1),
        ([2, 6, 10], [2, 1, 16], true, 8),
        ([2, 20, 20], [2, 2, 16], true, 16),
        ([2, 7, 7], [2, 2, 4], false, 2 + 8 + 16),
        ([2, 20, 20], [2, 2, 6], true, 32),
        ([2, 20, 20], [3, 3, 6], true, 64 + 16),
        ([2, 70, 70], [4, 2, 17], true, 128 + 1),
        ([2, 7, 9], [2, 1, 4], false, 128 + 2),
        ([2, 20, 20], [2, 2, 6], true, 128 + 64 + 32 + 16),
    ];
    for ([b, t, s], [n_heads, n_kv_heads, d_head], causal, bits) in cases {
        let name = format!("attention {b} {t} {s}, {n_heads} {n_kv_heads} {d_head}, {bits}");
        check(&name, |case| {
            let is_given = |bit: u32| bits & bit != 0;
            let q = case.noise([b * t, n_heads * d_head]);
            let [k, v] = [(); 2].map(|()| case.noise([b * s, n_kv_heads * d_head]));
            let shown = (0..(b * s) as u32).map(|i| u32::from(i % 7 != 3)).collect();
            let shown = is_given(1).then(|| case.integers(shown));
            let bias = match (is_given(2), is_given(4)) {
                (true, _) => Some(case.noise([n_heads, t, s])),
                (_, true) => Some(case.noise([1, t, s])),
                _ => None,
            };
            let distances = is_given(8).then(|| case.noise([n_heads, 7]));
            let seed = is_given(16).then(|| case.integers(vec![11, 12]));
            let op = Attention {
                n_sequences: b,
                n_heads,
                n_kv_heads,
                d_head,
                scale: 0.4,
                causal,
                reach: Reach { window: if is_given(32) { 5 } else { 0 }, alibi: is_given(64) },
                dropout: if is_given(16) { 0.3 } else { 0.0 },
                stream: 1,
                ..Attention::default()
            };
            let given = Given { shown, bias, distances, seed };
            if is_given(128) {
                let all = case.recorder.attention_recomputed([q, k, v], given, op);
                return (vec![q, k, v], all.expect("fits").z);
            }
            let all = case.recorder.attention([q, k, v], given, op).expect("fits");
            let wrt = [Some(q), Some(k), Some(v), bias, distances];
            (wrt.into_iter().flatten().collect(), all.z)
        });
    }
}

#[test]
fn columns() {
    check("concat, window", |case| {
        let (a, b) = (case.noise([6, 5]), case.noise([6, 9]));
        let both = case.recorder.concat(a, b).expect("as many rows");
        let some = case.recorder.columns(both, 3..11).expect("has them");
        let turned = case.recorder.reshaped(some, [4, 12]).expect("as many");
        let op = Window { n_rows: 2, shift: -3, n_cols: 29 };
        (vec![a, b], case.recorder.window(turned, op, [58]).expect("fits"))
    });
}

#[test]
fn recurrent_units() {
    // Sequences, rows, columns; the bits of what is given: 1 start, 2 shown, 4 backwards.
    for (b, t, d, bits) in [(1, 1, 1, 0), (3, 4, 7, 3), (2, 9, 17, 6), (5, 3, 33, 7), (2, 1, 5, 1)]
    {
        check(&format!("gru_batch {b} {t} {d} {bits}"), |case| {
            let x = case.noise([b * t, 3 * d]);
            let (w, bias) = (case.noise([3 * d, d]), case.noise([3 * d]));
            let start = (bits & 1 != 0).then(|| case.noise([b, d]));
            let shown = (0..(b * t) as u32).map(|i| u32::from(i % 3 != 1)).collect();
            let shown = (bits & 2 != 0).then(|| case.integers(shown));
            let given = GruGiven { start, shown };
            let h = case.recorder.gru_batch([x, w, bias], given, b, bits & 4 != 0).expect("fits");
            ([Some(x), Some(w), Some(bias), start].into_iter().flatten().collect(), h)
        });
        check(&format!("lstm_batch {b} {t} {d}"), |case| {
            let x = case.noise([b * t, 4 * d]);
            let (w, bias) = (case.noise([4 * d, d]), case.noise([4 * d]));
            (vec![x, w, bias], case.recorder.lstm_batch([x, w, bias], b).expect("fits"))
        });
    }
}

#[test]
fn by_head() {
    check("head_dots, head_scale", |case| {
        let (x, y) = (case.noise([5, 12]), case.noise([5, 12]));
        let recorder = &mut case.recorder;
        let sums = recorder.head_dots(x, y, 3).expect("fits");
        let scaled = recorder.head_scale(x, sums, HeadScale::Times).expect("fits");
        let over = recorder.head_scale(scaled, sums, HeadScale::Over(9.0)).expect("fits");
        (vec![x, y], over)
    });
    for reversed in [false, true] {
        check("running_sum", |case| {
            let x = case.noise([10, 3]);
            let y = case.recorder.running_sum(x, RunningSum { n_sequences: 2, reversed });
            (vec![x], y.expect("fits"))
        });
    }
}

#[test]
fn additive_attention() {
    for (b, t, n, is_masked) in
        [(1, 1, 1, false), (3, 2, 9, true), (2, 5, 4, false), (4, 1, 33, true)]
    {
        check(&format!("additive_attention {b} {t} {n}"), |case| {
            let (q, k) = (case.noise([b * t, 7]), case.noise([b * n, 7]));
            let (v, values) = (case.noise([7]), case.noise([b * n, 5]));
            let shown = (0..(b * n) as u32).map(|i| u32::from(i % 4 != 1)).collect();
            let shown = is_masked.then(|| case.integers(shown));
            let wrt = [q, k, v, values];
            (wrt.to_vec(), case.recorder.additive_attention(wrt, shown, b).expect("fits"))
        });
    }
}

#[test]
fn feature_maps() {
    let all = [
        Features::Identity,
        Features::EluPlusOne,
        Features::Relu,
        Features::Dpfp(1),
        Features::Dpfp(3),
        Features::FavorPositive,
        Features::FavorTrigonometric,
    ];
    for features in all {
        check(&format!("{features:?}"), |case| {
            let x = case.noise([4, 10]);
            let omega = features.is_random().then(|| case.noise([7, 5]));
            let op = FeatureMap { features, d_head: 5 };
            let y = case.recorder.feature_map(x, omega, op).expect("fits");
            // Sums of positive features; of the others, well away from 0.
            let eps = if features == Features::Identity { 20.0 } else { 3.0 };
            (vec![x], case.recorder.sum_normalised(y, 2, eps).expect("fits"))
        });
    }
}

#[test]
fn linear_attention() {
    for form in [Form::Attention, Form::Recurrent, Form::Chunked(4), Form::Chunked(64)] {
        for bits in 0..16 {
            let is = |bit: u32| bits & bit != 0;
            let name = format!("{form:?}, reversed, strict, decay, delta: {bits:04b}");
            check(&name, |case| {
                let (b, t, n_heads, [d_key, d_value]) = (2, 9, 2, [5, 3]);
                let [q, k] = [(); 2].map(|()| case.noise([b * t, n_heads * d_key]));
                let v = case.noise([b * t, n_heads * d_value]);
                let scalars = |case: &mut Case, shift: f32, scale: f32| {
                    let values = noise(case.order.len() as u64, b * t * n_heads);
                    let values = values.iter().map(|x| shift + scale * x).collect();
                    case.floats([b * t, n_heads], values)
                };
                let decay = is(4).then(|| scalars(case, -0.4, 0.3));
                let (reversed, strict) = (is(1), is(2));
                let op = LinearAttention {
                    n_sequences: b,
                    n_heads,
                    form,
                    reversed,
                    strict,
                    ..LinearAttention::default()
                };
                let mut wrt: Vec<_> = [q, k, v].into_iter().chain(decay).collect();
                if is(8) {
                    let beta = scalars(case, 0.3, 0.2);
                    wrt.push(beta);
                    let all = case.recorder.delta_attention([q, k, v], beta, decay, op);
                    return (wrt, all.expect("fits").z);
                }
                let attended = case.recorder.linear_attention([q, k, v], decay, op);
                (wrt, attended.expect("fits").z)
            });
        }
        check("normalised", |case| {
            let mut positive = |width: usize| {
                let values = noise(case.order.len() as u64, 14 * width);
                case.floats([14, width], values.iter().map(|x| x.abs() + 0.1).collect())
            };
            let (q, k, v) = (positive(6), positive(6), positive(4));
            let op =
                LinearAttention { n_sequences: 2, n_heads: 2, form, ..LinearAttention::default() };
            let all = case.recorder.normalised_linear_attention([q, k, v], None, op, 1e-6);
            (vec![q, k, v], all.expect("fits").z)
        });
    }
}

#[test]
fn what_has_no_gradient_is_refused() {
    let mut recorder = Recorder::new();
    let (x, other) = (recorder.input([2, 3], DType::F32), recorder.input([2, 3], DType::F32));
    let best = recorder.row_stats(x, crate::ops::row_stats::EntropyOf::Logits).expect("fits");
    let one = recorder.fill(recorder.shape(best), 1.0);
    let err = recorder.backward_from(&[(best, one)], &[x]).expect_err("row_stats has no rule");
    assert!(err.to_string().contains("row_stats"), "{err}");
    let sum = recorder.add(x, x).expect("alike");
    let ones = recorder.fill([2, 3], 1.0);
    let err = recorder.backward_from(&[(sum, ones)], &[other]).expect_err("not on the way");
    assert!(err.to_string().contains("reaches"), "{err}");
    let err = recorder.backward(sum, &[x]).expect_err("six values");
    assert!(err.to_string().contains("one value"), "{err}");
}
