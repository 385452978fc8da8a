//! Linear attention and the delta rule: all forms are one computation, over a thousand random cases;
//! and they are what PyTorch makes of the papers' equations (golden/linear.py), gradients too, on both
//! engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::ops::feature_map::{FeatureMap, Features};
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, RecordError, Recorder, Step, TensorId,
};
use vitrine_tests::golden::{Golden, cpu, difference, gpu};

/// Added to sums that divide.
const EPS: f32 = 1e-6;

/// The rule by which fast weights are written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sum,
    Normalised,
    Delta,
}

/// What attends: mapped queries and keys by one of the rules.
#[derive(Clone, Copy, Debug)]
struct Layer {
    features: Features,
    rule: Rule,
    d_head: usize,
    op: LinearAttention,
}

/// q, k, v, β, decay, ω, the gradient of z.
type Operands = [TensorId; 7];

impl Layer {
    /// z, and its gradient by q, k, v, and β and decay where they count.
    fn record(
        self,
        recorder: &mut Recorder,
        [q, k, v, beta, decay, omega, dz]: Operands,
        has_decay: bool,
    ) -> Result<Vec<TensorId>, RecordError> {
        let Self { features, rule, d_head, op } = self;
        let omega = features.is_random().then_some(omega);
        let mut map = |x| -> Result<TensorId, RecordError> {
            let mapped = recorder.feature_map(x, omega, FeatureMap { features, d_head })?;
            match rule {
                Rule::Delta => recorder.sum_normalised(mapped, op.n_heads, EPS),
                _ => Ok(mapped),
            }
        };
        let qkv = [map(q)?, map(k)?, v];
        let decays = has_decay.then_some(decay);
        let z = match rule {
            Rule::Sum => recorder.linear_attention(qkv, decays, op)?,
            Rule::Normalised => recorder.normalised_linear_attention(qkv, decays, op, EPS)?,
            Rule::Delta => recorder.delta_attention(qkv, beta, decays, op)?,
        }
        .z;
        let mut wrt = vec![q, k, v];
        wrt.extend((rule == Rule::Delta).then_some(beta));
        wrt.extend(decays);
        let mut all = vec![z];
        all.extend(recorder.backward_from(&[(z, dz)], &wrt)?);
        all.iter().for_each(|&id| recorder.keep(id));
        Ok(all)
    }
}

/// Inputs of these shapes.
fn inputs(recorder: &mut Recorder, shapes: [[usize; 2]; 7]) -> Operands {
    shapes.map(|shape| recorder.input(shape, DType::F32))
}

fn run(
    engine: &mut Engine,
    recorder: Recorder,
    values: &[Vec<f32>],
    ids: &[TensorId],
) -> Vec<Vec<f32>> {
    let recording = recorder.finish();
    let reads: Vec<_> = ids.iter().map(|&id| Read::tensor(&recording, id)).collect();
    let inputs: Vec<_> = values.iter().map(|values| InputData::F32(values)).collect();
    let control = Control::default();
    let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
    let found = block_on(run).unwrap();
    engine.forget(recording.id());
    found
}

/// Seeded random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }

    fn normals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0).collect()
    }
}

/// Three forms of one random layer: the largest ‖a − b‖/‖b‖ of z and of each gradient.
fn largest_difference(engine: &mut Engine, random: &mut Random, longest: usize) -> (String, f64) {
    let all = [
        Features::Identity,
        Features::EluPlusOne,
        Features::Relu,
        Features::Dpfp(1),
        Features::Dpfp(2),
        Features::FavorPositive,
        Features::FavorTrigonometric,
    ];
    let features = all[random.below(all.len())];
    // What is divided by a sum needs more than one feature and none that is nothing: else a gradient is
    // the difference of equals, whose digits no order of sums has.
    let is_positive = matches!(features, Features::EluPlusOne | Features::FavorPositive);
    let rules = [Rule::Sum, Rule::Delta, Rule::Normalised];
    let rule = rules[random.below(if is_positive { 3 } else { 1 })];
    let least = if rule == Rule::Sum { 1 } else { 2 };
    let (b, t) = (1 + random.below(2), least + random.below(longest));
    let (n_heads, d, d_value) =
        (1 + random.below(3), least + random.below(12), 1 + random.below(12));
    let (m, has_decay, chunk) =
        (least + random.below(12), random.below(2) == 1, 1 + random.below(16));
    let n = b * t * n_heads;
    let shapes = [
        [b * t, n_heads * d],
        [b * t, n_heads * d],
        [b * t, n_heads * d_value],
        [b * t, n_heads],
        [b * t, n_heads],
        [m, d],
        [b * t, n_heads * d_value],
    ];
    let mut values = shapes.map(|[rows, cols]| random.normals(rows * cols));
    let short = 1.0 / (d as f32).sqrt();
    for x in &mut values[..2] {
        x.iter_mut().for_each(|x| *x *= short);
    }
    values[3] = (0..n).map(|_| random.uniform()).collect();
    values[4] = (0..n).map(|_| -random.uniform()).collect();
    let mut recorder = Recorder::new();
    let operands = inputs(&mut recorder, shapes);
    let mut ids = Vec::new();
    for form in [Form::Attention, Form::Recurrent, Form::Chunked(chunk)] {
        let op = LinearAttention { n_sequences: b, n_heads, form, ..LinearAttention::default() };
        let layer = Layer { features, rule, d_head: d, op };
        ids.push(layer.record(&mut recorder, operands, has_decay).unwrap());
    }
    let n_of_form = ids[0].len();
    let found = run(engine, recorder, &values, &ids.concat());
    let (attention, others) = found.split_at(n_of_form);
    let mut largest = 0.0f64;
    for other in others.chunks_exact(n_of_form) {
        for (other, attention) in other.iter().zip(attention) {
            let own = difference(other, attention);
            // A gradient that is nothing but rounding has no relative error.
            let relative = if own.absolute <= 1e-6 { 0.0 } else { own.relative };
            largest = if relative.is_nan() || relative > largest { relative } else { largest };
        }
    }
    let name = format!("{features:?} {rule:?} {b}×{t} {n_heads}×{d}→{d_value} {has_decay} {chunk}");
    (name, largest)
}

fn forms_agree(mut engine: Engine, n_cases: usize, longest: usize) {
    let mut random = Random(5);
    let mut worst = 0.0f64;
    for case in 0..n_cases {
        let (name, largest) = largest_difference(&mut engine, &mut random, longest);
        assert!(largest <= 1e-5, "case {case}, {name}: {largest:e}");
        worst = worst.max(largest);
    }
    println!("{n_cases} cases on {}: {worst:e} at most", engine.name());
    assert!(worst > 0.0, "three forms that never differ are one");
}

#[test]
fn linear_is_recurrent_is_chunked_over_a_thousand_cases() {
    forms_agree(cpu(), 1000, 40);
}

#[test]
fn linear_is_recurrent_is_chunked_on_the_gpu() {
    forms_agree(gpu(), 100, 40);
}

fn features_of(name: &str) -> Features {
    match name {
        "identity" => Features::Identity,
        "elu" => Features::EluPlusOne,
        "relu" => Features::Relu,
        "dpfp1" => Features::Dpfp(1),
        "dpfp3" => Features::Dpfp(3),
        "favor_positive" => Features::FavorPositive,
        "favor_trigonometric" => Features::FavorTrigonometric,
        other => panic!("{other} is no feature map"),
    }
}

fn check_goldens(mut engine: Engine, tolerance: f64) {
    let golden = Golden::open("linear");
    let names = ["q", "k", "v", "beta", "decay", "omega", "dz"];
    let shapes = names.map(|name| <[usize; 2]>::try_from(&golden.tensors[name].0[..]).unwrap());
    let values: Vec<_> = names.iter().map(|name| golden.tensors[*name].1.clone()).collect();
    let (n_heads, d_head) = (shapes[3][1], shapes[5][1]);
    let cases: Vec<[String; 2]> = serde_json::from_value(golden.metadata["cases"].clone()).unwrap();
    assert!(cases.len() > 30, "only {} cases", cases.len());
    for [features, rule] in cases {
        let name = format!("{features}.{rule}");
        let (rule, has_decay) =
            rule.strip_suffix("_decay").map_or((&rule[..], false), |rule| (rule, true));
        let rule = match rule {
            "sum" => Rule::Sum,
            "normalised" => Rule::Normalised,
            _ => Rule::Delta,
        };
        let mut recorder = Recorder::new();
        let operands = inputs(&mut recorder, shapes);
        let mut ids = Vec::new();
        let forms = [Form::Attention, Form::Recurrent, Form::Chunked(4)];
        for form in forms {
            let op =
                LinearAttention { n_sequences: 2, n_heads, form, ..LinearAttention::default() };
            let layer = Layer { features: features_of(&features), rule, d_head, op };
            ids.push(layer.record(&mut recorder, operands, has_decay).unwrap());
        }
        let n_of_form = ids[0].len();
        let found = run(&mut engine, recorder, &values, &ids.concat());
        let mut expected = vec!["z", "dq", "dk", "dv"];
        expected.extend((rule == Rule::Delta).then_some("dbeta"));
        expected.extend(has_decay.then_some("ddecay"));
        assert_eq!(expected.len(), n_of_form);
        for (form, found) in forms.iter().zip(found.chunks_exact(n_of_form)) {
            for (what, found) in expected.iter().zip(found) {
                let reference = &golden.tensors[&format!("{name}.{what}")].1;
                let off = difference(found, reference).relative;
                assert!(off <= tolerance, "{name} {form:?} {what} on {}: {off:e}", engine.name());
            }
        }
    }
}

#[test]
fn forms_and_gradients_on_the_cpu_are_those_of_pytorch() {
    check_goldens(cpu(), 1e-5);
}

#[test]
fn forms_and_gradients_on_the_gpu_are_those_of_pytorch() {
    check_goldens(gpu(), 1e-4);
}
