//! What Room 02 claims, held to bounds: the page asks for the same (`models/src/claims/attention`).

use pollster::block_on;
use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::matmul::Matmul;
use vitrine_kernels::ops::softmax::{Masks, Reach};
use vitrine_kernels::{Control, DType, Engine, InputData, Read, Recorder, Step, TensorId};
use vitrine_models::claims::attention::layers::{convolution, restricted};
use vitrine_models::claims::attention::scale::{N_BINS, Products, Scale, products};
use vitrine_models::claims::attention::sinusoid::{self, rotation_error, table, wavelength};
use vitrine_models::claims::attention::stages::{Head, later_share, row_error};
use vitrine_models::claims::attention::timing::{Timed, time};
use vitrine_models::claims::fit::exponent;
use vitrine_models::claims::flash::{Qkv, relative};
use vitrine_models::hook::Stack;
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::{Hook, HookPoint, Input, Options, Session, Tap};
use vitrine_tests::golden::{cpu, cpu_f32, gpu, root, session};

const WIDTHS: [u32; 9] = [4, 8, 16, 32, 64, 128, 256, 512, 1024];
const N: u32 = 128;

fn measured(engine: &mut Engine, seed: u64) -> Vec<Products> {
    let ask = Scale { widths: WIDTHS.to_vec(), n_rows: N, n_keys: N, seed };
    let one =
        |&d_k: &u32| block_on(products(engine, &ask, d_k, &Control::default())).expect("measures");
    WIDTHS.iter().map(one).collect()
}

#[test]
fn products_spread_with_the_root_of_their_width() {
    for engine in &mut [cpu(), gpu()] {
        let found = measured(engine, 1);
        let points: Vec<_> = found.iter().map(|one| (f64::from(one.d_k), one.std)).collect();
        let slope = exponent(&points);
        println!("{}: exponent {slope}, {points:?}", engine.name());
        assert!((slope - 0.5).abs() <= 0.02, "{slope}");
        for one in &found {
            let off = one.std / f64::from(one.d_k).sqrt();
            // Of few columns the lengths of queries and keys differ much.
            assert!((off - 1.0).abs() <= 0.05 + 0.3 / f64::from(one.d_k), "{one:?}");
            let counted = one.bins.iter().sum::<u32>();
            assert!(one.bins.len() == N_BINS && counted <= N * N && counted * 100 > N * N * 99);
            // Most of the products lie in the middle.
            assert!(
                one.bins.iter().max() == one.bins[N_BINS / 2 - 2..=N_BINS / 2 + 2].iter().max()
            );
        }
    }
}

#[test]
fn without_the_scale_softmax_chooses_one_and_with_it_width_does_not_matter() {
    for engine in &mut [cpu(), gpu()] {
        let found = measured(engine, 2);
        println!(
            "{}: {:?}",
            engine.name(),
            found.iter().map(|one| (one.entropy, one.slope)).collect::<Vec<_>>()
        );
        for pair in found.windows(2) {
            assert!(pair[1].entropy[0] < pair[0].entropy[0], "{pair:?}");
            assert!(pair[1].slope[0] < pair[0].slope[0], "{pair:?}");
        }
        let last = &found[WIDTHS.len() - 1];
        assert!(last.entropy[0] < 0.5 && last.slope[0] < 0.2, "{last:?}");
        // Scores of variance 1 over n keys have ln n − 1/2 nats.
        let expected = f64::from(N).ln() - 0.5;
        for one in &found {
            assert!((one.entropy[1] - expected).abs() <= 0.15, "{one:?}");
            assert!(one.slope[1] > 0.9, "{one:?}");
        }
    }
}

/// The exponent of some times along n or d; other work makes a time longer, never shorter, so that the best of
/// several rounds counts. Of this thread alone, on which the processor's engine runs.
fn fitted(timed: Timed, shapes: [[u32; 2]; 5], axis: usize, range: [f64; 2]) {
    let start = cpu_time::ThreadTime::now();
    let now = move || start.elapsed().as_secs_f64() * 1e3;
    let engine = &mut cpu_f32();
    let mut best = shapes.map(|shape| (f64::from(shape[axis]), f64::INFINITY));
    let mut found = Vec::new();
    for _ in 0..6 {
        for (shape, (_, least)) in shapes.into_iter().zip(&mut best) {
            let took =
                block_on(time(engine, timed, shape, &now, &Control::default())).expect("measures");
            *least = least.min(took.ms);
        }
        found.push(exponent(&best));
        if (range[0]..=range[1]).contains(&found[found.len() - 1]) {
            break;
        }
    }
    println!("{timed:?}, axis {axis}: {found:?}, {best:?}");
    let last = found[found.len() - 1];
    assert!((range[0]..=range[1]).contains(&last), "{timed:?}, axis {axis}: {found:?}, {best:?}");
}

#[test]
fn attention_costs_the_square_of_the_tokens_and_a_recurrent_unit_costs_each_once() {
    let counts = [64, 128, 256, 512, 1024].map(|n| [n, 64]);
    fitted(Timed::Attention, counts, 0, [1.7, 2.3]);
    fitted(Timed::Recurrent, counts, 0, [0.7, 1.3]);
}

/// Softmax costs n² whatever d is, and large weights fall out of the cache: the bounds of d are wide.
#[test]
fn a_recurrent_unit_costs_the_square_of_the_width_and_attention_less() {
    let widths = [32, 64, 128, 256, 512].map(|d| [256, d]);
    fitted(Timed::Attention, widths, 1, [0.3, 1.3]);
    fitted(Timed::Recurrent, widths, 1, [1.5, 2.5]);
}

/// A convolution is n times k matrices; restricted attention as many keys a row, however many rows there are.
#[test]
fn a_convolution_and_restricted_attention_cost_each_token_once() {
    let counts = [64, 128, 256, 512, 1024].map(|n| [n, 64]);
    fitted(Timed::Convolution, counts, 0, [0.7, 1.3]);
    fitted(Timed::Restricted, counts, 0, [0.7, 1.3]);
    let widths = [32, 64, 128, 256, 512].map(|d| [256, d]);
    fitted(Timed::Convolution, widths, 1, [1.5, 2.5]);
    fitted(Timed::Restricted, widths, 1, [0.4, 1.3]);
}

/// What a recording gives for these inputs.
fn ran(
    engine: &mut Engine,
    inputs: &[(&[f32], [usize; 2])],
    record: impl Fn(&mut Recorder, &[TensorId]) -> TensorId,
) -> Vec<f32> {
    let mut recorder = Recorder::new();
    let ids: Vec<_> = inputs.iter().map(|&(_, shape)| recorder.input(shape, DType::F32)).collect();
    let y = record(&mut recorder, &ids);
    recorder.keep(y);
    let recording = recorder.finish();
    let values: Vec<_> = inputs.iter().map(|&(values, _)| InputData::F32(values)).collect();
    let reads = [Read::tensor(&recording, y)];
    let control = Control::default();
    let run = engine.run(&recording, &values, Step::default(), &reads, &control);
    block_on(run).expect("runs").remove(0)
}

/// The definition, in f64: `w` is `[d_out, k·d]`.
fn convolved(x: &[f32], w: &[f32], [n, d, d_out, k]: [usize; 4]) -> Vec<f32> {
    let cell = |at: usize| -> f32 {
        let (t, row) = (at / d_out, &w[at % d_out * k * d..][..k * d]);
        let term = |(place, &w): (usize, &f32)| {
            let from = (t + place / d).checked_sub(k / 2).filter(|&from| from < n);
            from.map_or(0.0, |from| f64::from(x[from * d + place % d]) * f64::from(w))
        };
        row.iter().enumerate().map(term).sum::<f64>() as f32
    };
    (0..n * d_out).map(cell).collect()
}

#[test]
fn what_is_timed_is_a_convolution_and_restricted_attention() {
    for engine in &mut [cpu_f32(), gpu()] {
        for shape @ [n, d, d_out, k] in
            [[1, 3, 2, 3], [7, 5, 4, 1], [65, 8, 3, 3], [9, 2, 6, 5], [6, 4, 4, 4]]
        {
            let Qkv { q: x, k: w, .. } =
                Qkv::random([(n * d) as u32, (d_out * k * d) as u32], 1, 3);
            let found = ran(engine, &[(&x, [n, d]), (&w, [d_out, k * d])], |recorder, ids| {
                convolution(recorder, ids[0], ids[1]).expect("fits")
            });
            let expected = convolved(&x, &w, shape);
            let error = relative(&found, &expected);
            assert!(error <= 1e-5, "{}: {shape:?}: {error}", engine.name());
            let turned: Vec<f32> = x.iter().rev().copied().collect();
            assert!(relative(&found, &convolved(&turned, &w, shape)) > 1e-3, "rows have places");
        }
        // One row for each r: a mask over all pairs says the same.
        let qkv = Qkv::random([150, 150], 16, 5);
        let inputs = [&qkv.q, &qkv.k, &qkv.v].map(|values| (&values[..], [150, 16]));
        let by_mask = |engine: &mut Engine, window: usize| {
            ran(engine, &inputs, |recorder, ids| {
                let reach = Reach { window, alibi: false };
                let masks = Masks { causal: true, reach, ..Masks::default() };
                let heads = AttentionScores {
                    n_heads: 1,
                    n_kv_heads: 1,
                    d_head: 16,
                    scale: 0.25,
                    all_keys: true,
                    keys_in_state: false,
                };
                let scores = recorder.attention_scores(ids[0], ids[1], heads).expect("fits");
                let pattern = recorder.softmax(scores, masks).expect("fits");
                let pattern = recorder.reshaped(pattern, [150, 150]).expect("fits");
                recorder.matmul(pattern, ids[2], Matmul::default()).expect("fits")
            })
        };
        for r in [1, 3, 32, 200] {
            let found = ran(engine, &inputs, |recorder, ids| {
                restricted(recorder, [ids[0], ids[1], ids[2]], r).expect("fits")
            });
            let masked = by_mask(engine, r as usize);
            let error = relative(&found, &masked);
            assert!(error <= 1e-5, "{}: r = {r}: {error}", engine.name());
            assert!(r == 200 || relative(&found, &by_mask(engine, r as usize + 1)) > 1e-3);
        }
    }
}

const MODEL: &str = "dates-transformer";
const SOURCE: &str = "tuesday, 24th of december 1912";
const TARGET: &str = "1912-12-24";

/// The shipped model after its first text.
fn dates(engine: Engine) -> Session {
    let path = root().join("assets/models").join(MODEL);
    let text = std::fs::read_to_string(path.join("tokenizer.json")).expect("is there");
    let tokenizer = HubTokenizer::from_json("tokenizer.json", &text).expect("a tokenizer");
    let ids = |text: &str| -> Vec<u32> {
        tokenizer.encode(text, false).expect("encodes").iter().map(|token| token.id).collect()
    };
    let mut session = session(engine, &path, |model| Options::trace(model.spec(), []));
    let (start, end) =
        (session.spec().decoder_start.expect("starts"), session.spec().source_end.expect("ends"));
    let source = [ids(SOURCE), vec![end]].concat();
    let target = [vec![start], ids(TARGET)].concat();
    block_on(session.set_tokens(&Input::pair(&source, &target), &Control::default()))
        .expect("runs");
    session
}

const OWN: [Hook; 6] = [Hook::Q, Hook::K, Hook::V, Hook::AttnScores, Hook::Pattern, Hook::Z];
const CROSS: [Hook; 6] =
    [Hook::CrossQ, Hook::CrossK, Hook::CrossV, Hook::CrossScores, Hook::CrossPattern, Hook::CrossZ];

/// One head of `[T, n_heads, d]`.
fn of_head(shape: &[usize], values: &[f32], head: usize) -> Vec<f32> {
    let (n_heads, d) = (shape[1], shape[2]);
    values.chunks_exact(n_heads * d).flat_map(|row| row[head * d..][..d].to_vec()).collect()
}

/// Every head of all three attentions, every stage computed again from what the run left behind.
#[test]
fn the_stages_of_every_head_are_those_of_the_run() {
    for engine in [cpu(), gpu()] {
        let name = engine.name().to_owned();
        let mut session = dates(engine);
        let mut worst = [0.0_f64; 4];
        for (stack, hooks) in
            [(Stack::Encoder, OWN), (Stack::Decoder, OWN), (Stack::Decoder, CROSS)]
        {
            for layer in 0..2 {
                let taps = hooks.map(|hook| Tap::of(HookPoint { stack, hook, layer }));
                let trace = block_on(session.read(&taps, &Control::default())).unwrap();
                let [q, k, v, scores, pattern, z] = trace.tensors() else { panic!("six hooks") };
                let n_keys = pattern.shape[2];
                let rows = row_error(&pattern.values, n_keys);
                if hooks == OWN && stack == Stack::Decoder {
                    assert_eq!(
                        later_share(&pattern.values, n_keys),
                        0.0,
                        "later tokens are masked"
                    );
                } else {
                    assert!(later_share(&pattern.values, n_keys) > 0.0, "nothing is masked");
                }
                let n_cells = pattern.shape[1] * n_keys;
                for head in 0..pattern.shape[0] {
                    let [q, k, v, z] =
                        [q, k, v, z].map(|tensor| of_head(&tensor.shape, &tensor.values, head));
                    let map = |values: &[f32]| values[head * n_cells..][..n_cells].to_vec();
                    let (scores, pattern) = (map(&scores.values), map(&pattern.values));
                    let scale = session.spec().attn_scale;
                    let head = Head {
                        q: &q,
                        k: &k,
                        v: &v,
                        scores: &scores,
                        pattern: &pattern,
                        z: &z,
                        n_keys,
                        scale,
                    };
                    let found = head.errors().unwrap();
                    let all = [found.scores, found.pattern, found.values, rows];
                    for (worst, one) in worst.iter_mut().zip(all) {
                        assert!(one <= 1e-5, "{stack:?} {layer}: {found:?}, rows {rows}");
                        *worst = worst.max(one);
                    }
                    // Without the scale the first stage is off.
                    let off = Head { scale: 1.0, ..head }.errors().unwrap().scores;
                    assert!(off > 0.5, "{off}");
                }
            }
        }
        println!("{name}: scores, pattern, values, rows {worst:?}");
        assert!(worst[0] > 0.0, "two computations that never differ are one");
    }
}

#[test]
fn positions_turn_and_the_shipped_model_has_those_of_the_paper() {
    for d in [2, 8, 64, 512] {
        let mut rows = table(64, d);
        let error = rotation_error(&rows, d);
        println!("{d}: {error:e}");
        assert!(error <= 1e-5, "{d}: {error}");
        // The product depends on the distance alone.
        let product = |a: usize, b: usize| -> f32 {
            rows[a * d..][..d].iter().zip(&rows[b * d..][..d]).map(|(a, b)| a * b).sum()
        };
        let shares = sinusoid::products(64, d);
        for (from, by) in [(0, 1), (7, 1), (20, 13), (50, 13)] {
            let share = product(from, from + by) / product(0, 0);
            assert!((share - shares[by]).abs() <= 1e-5, "{from} {by}: {share}, {}", shares[by]);
        }
        rows[3 * d] += 0.1;
        assert!(rotation_error(&rows, d) > 0.05, "what is off is found");
    }
    assert!((wavelength(0, 64) - std::f64::consts::TAU).abs() < 1e-12);
    assert!((wavelength(33, 64) / std::f64::consts::TAU - 100.0).abs() < 1e-9, "10000^(32/64)");
    let mut session = dates(cpu_f32());
    for stack in [Stack::Encoder, Stack::Decoder] {
        let taps = [Tap::of(HookPoint { stack, hook: Hook::PosEmbed, layer: 0 })];
        let trace = block_on(session.read(&taps, &Control::default())).unwrap();
        let placed = &trace.tensors()[0];
        let expected = table(placed.shape[0], placed.shape[1]);
        let is_it = placed.values.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-6);
        assert!(is_it && placed.values.len() == expected.len(), "{stack:?}");
    }
}
