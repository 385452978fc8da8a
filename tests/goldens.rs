//! Both engines against values that transformers computed (tests/golden/make.py): tiny random
//! checkpoints of every architecture, all-MiniLM-L6-v2, SmolLM2.

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::hook::HookPoint;
use vitrine_models::session::cosine;
use vitrine_models::{Hook, Input, Options, Session, Tap, sample};
use vitrine_tests::golden::{
    Golden, cpu, cpu_f32, difference, fetched_model, gpu, root, session, visible_rows,
};

/// What is wrong with a case, hook by hook; empty if nothing is.
fn faults_of_case(session: &mut Session, model: &str, case: &str) -> Vec<String> {
    let golden = Golden::open(&format!("{model}/{case}"));
    let (input, control) = (golden.input(), Control::default());
    block_on(session.set_tokens(&input, &control)).expect("runs");
    let golden_points = golden.tensors.iter().map(|(name, reference)| {
        (HookPoint::parse(name).unwrap_or_else(|| panic!("{name} is no hook")), reference)
    });
    let (points, references): (Vec<_>, Vec<_>) =
        golden_points.filter(|(point, _)| has(session, *point)).unzip();
    assert!(points.len() > 10, "{case} has too few references");
    let taps: Vec<_> = points.iter().map(|&point| Tap::of(point)).collect();
    let trace = block_on(session.read(&taps, &control)).expect("reads");
    let mut faults = Vec::new();
    for (tensor, (shape, reference)) in trace.tensors().iter().zip(references) {
        let (name, point) = (tensor.name(), tensor.point);
        if tensor.shape != *shape {
            faults.push(format!("{name}: shape {:?}, expected {shape:?}", tensor.shape));
            continue;
        }
        let ours = visible_rows(point, shape, &tensor.values, &input);
        let reference = visible_rows(point, shape, reference, &input);
        let difference = difference(&ours, &reference);
        let close = match point.hook.form() {
            _ if matches!(point.hook, Hook::Pattern | Hook::CrossPattern) => {
                difference.absolute <= 1e-5
            }
            // The mean of a row may be nothing but the rounding of its sum.
            _ if point.hook.is_mean() && difference.absolute <= 1e-6 => true,
            _ => difference.relative <= 1e-5,
        };
        if !close {
            faults.push(format!("{name}: {difference:?}"));
        }
    }
    if let Some(expected) = golden.list("greedy") {
        let found = continue_greedily(session, &input, expected.len());
        if found != expected {
            faults.push(format!("greedy: {found:?}, expected {expected:?}"));
        }
    }
    faults
}

fn has(session: &Session, point: HookPoint) -> bool {
    session.spec().of(point).is_some_and(|stack| stack.has(point.hook))
}

fn continue_greedily(session: &mut Session, input: &Input, n: usize) -> Vec<u32> {
    let control = Control::default();
    block_on(session.set_tokens(input, &control)).expect("runs");
    (0..n)
        .map(|_| {
            let token = sample::argmax(session.last_logits()) as u32;
            block_on(session.next(token, &control)).expect("runs");
            token
        })
        .collect()
}

/// All cases of a tiny model, in one session, so that each case also follows another's tokens.
fn check_tiny(model: &str, engine: Engine) {
    let cases = ["case_plain", "case_again", "case_one", "case_left", "case_right"];
    check_cases(model, engine, &cases);
}

/// The same of a model that reads every token, hidden or not, or whose reference does.
fn check_recurrent(model: &str, engine: Engine) {
    check_cases(model, engine, &["case_plain", "case_again", "case_one"]);
}

fn check_cases(model: &str, engine: Engine, cases: &[&str]) {
    let path = root().join("tests/golden").join(model);
    let mut session = session(engine, &path, |model| {
        let spec = model.spec();
        Options { is_exact: false, max_rows: 7, ..Options::trace(spec, spec.hooks()) }
    });
    for case in cases {
        let faults = faults_of_case(&mut session, model, case);
        assert!(faults.is_empty(), "{model} {case}:\n{}", faults.join("\n"));
    }
}

macro_rules! tiny {
    ($($model:ident)*) => {
        mod tiny_on_cpu { $(#[test] fn $model() { super::check_tiny(stringify!($model), super::cpu()) })* }
        mod tiny_on_gpu { $(#[test] fn $model() { super::check_tiny(stringify!($model), super::gpu()) })* }
    };
}

tiny! {
    gpt2 gpt2_untied nanogpt llama llama_tied llama3_rope bert bert_encoder
    openai_gpt gpt_neo gptj gpt_neox gpt_neox_sequential opt opt_350m bloom bloom_6_heads
    llama_linear_rope mistral qwen2 qwen2_sliding qwen3 gemma phi phi_grouped
    stablelm stablelm_parallel
    roberta distilbert electra electra_square electra_discriminator esm2 esm1b esm1
    transformer transformer_pre t5 t5_v11 bart mbart marian marian_two_vocabularies blenderbot blenderbot_small
}

macro_rules! recurrent {
    ($($model:ident)*) => {
        mod recurrent_on_cpu { $(#[test] fn $model() { super::check_recurrent(stringify!($model), super::cpu()) })* }
        mod recurrent_on_gpu { $(#[test] fn $model() { super::check_recurrent(stringify!($model), super::gpu()) })* }
    };
}

recurrent! {
    bahdanau_gru bahdanau_gru_fixed awd_lstm awd_lstm_untied
    nano_post_softmax nano_sandwich_softmax nano_dual_softmax
    nano_post_linear nano_sandwich_linear nano_dual_linear nano_post_delta
}

/// The same models as GGUF files: other names, fused rows, rows of rotated heads in another order.
/// A head that llama.cpp leaves out has no reference here.
fn check_gguf(model: &str) {
    let path = root().join(format!("tests/golden/gguf/{model}.gguf"));
    let mut session = session(cpu(), &path, |model| Options::live(model.spec()));
    for case in ["case_plain", "case_left"] {
        let faults = faults_of_case(&mut session, model, case);
        assert!(faults.is_empty(), "{model} {case}:\n{}", faults.join("\n"));
    }
}

#[test]
fn gguf_on_cpu() {
    for model in
        ["gpt2", "llama", "bert", "gpt_neox", "bloom_6_heads", "qwen2", "qwen3", "gemma", "phi"]
    {
        check_gguf(model);
    }
}

/// One matrix in each of the finer types, run by transformers on what the gguf package reads.
fn check_fine_blocks(engine: Engine) {
    let path = root().join("tests/golden/gguf/fine_blocks.gguf");
    let mut session = session(engine, &path, |model| Options::live(model.spec()));
    let storage: Vec<_> = session.model().storage().map(|(name, _)| name).collect();
    assert_eq!(storage, ["F32", "IQ4_NL", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K"]);
    let faults = faults_of_case(&mut session, "gguf", "fine_blocks");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn fine_blocks_on_cpu() {
    check_fine_blocks(cpu());
}

#[test]
fn fine_blocks_on_gpu() {
    check_fine_blocks(gpu());
}

#[test]
fn the_comparison_sees_a_planted_error_and_a_nan() {
    let reference: Vec<f32> = (0..100).map(|i| (i as f32).sin()).collect();
    let with = |value: f32| {
        let mut ours = reference.clone();
        ours[57] = value;
        difference(&ours, &reference)
    };
    let close = |value| with(value).relative <= 1e-5 && with(value).absolute <= 1e-5;
    assert!(close(reference[57]));
    assert!(!close(reference[57] + 1e-3));
    assert!(!close(f32::NAN));
    assert!(!close(f32::NEG_INFINITY));
}

fn check_minilm(engine: Engine) {
    let golden = Golden::open("minilm");
    let path = fetched_model("all-minilm-l6-v2");
    let mut session = session(engine, &path, |model| Options::live(model.spec()));
    let ids: Vec<Vec<u32>> =
        serde_json::from_value(golden.metadata["ids"].clone()).expect("lists of ids");
    assert!(ids.len() > 1);
    for (idx, ids) in ids.iter().enumerate() {
        let input = Input::from(&ids[..]);
        block_on(session.set_tokens(&input, &Control::default())).expect("runs");
        let ours = block_on(session.embedding()).expect("reads");
        let similarity = cosine(&ours, &golden.tensors[&format!("embedding.{idx}")].1);
        assert!(similarity >= 0.99999, "text {idx}: {similarity}");
    }
}

#[test]
fn minilm_on_cpu() {
    check_minilm(cpu());
}

#[test]
fn minilm_on_gpu() {
    check_minilm(gpu());
}

/// Logits of four prompts within `tolerance`, and 32 greedy tokens of the first three.
fn check_smollm2(engine: Engine, tolerance: f64, n_greedy: usize) {
    let golden = Golden::open("smollm2");
    let path = fetched_model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let mut session = session(engine, &path, |model| Options::live(model.spec()));
    let lists = |key: &str| -> Vec<Vec<u32>> {
        serde_json::from_value(golden.metadata[key].clone()).expect("lists of ids")
    };
    let (ids, greedy) = (lists("ids"), lists("greedy"));
    for (idx, ids) in ids.iter().enumerate() {
        let input = Input::from(&ids[..]);
        block_on(session.set_tokens(&input, &Control::default())).expect("runs");
        let reference = &golden.tensors[&format!("logits.{idx}")].1;
        let difference = difference(session.last_logits(), reference);
        println!("prompt {idx} ({} tokens): {difference:?}", ids.len());
        assert!(difference.relative <= tolerance, "prompt {idx}: {difference:?}");
        if idx == 0 {
            check_smollm2_insides(&mut session, &golden, tolerance);
        }
        if let Some(expected) = greedy.get(idx) {
            let found = continue_greedily(&mut session, &input, n_greedy);
            assert_eq!(found, expected[..n_greedy], "prompt {idx}");
        }
    }
}

fn check_smollm2_insides(session: &mut Session, golden: &Golden, tolerance: f64) {
    let (shape, patterns) = &golden.tensors["patterns"]; // [n_layers, n_heads, T, T]
    let layer_len = shape[1..].iter().product();
    for (layer, reference) in patterns.chunks_exact(layer_len).enumerate() {
        let tap = Tap::of(HookPoint::layer(Hook::Pattern, layer));
        let trace = block_on(session.read(&[tap], &Control::default())).expect("reads");
        let difference = difference(&trace.tensors()[0].values, reference);
        assert!(difference.absolute <= 10.0 * tolerance, "layer {layer}: {difference:?}");
    }
    let tap = Tap::of(HookPoint::layer(Hook::ResidPre, 15));
    let trace = block_on(session.read(&[tap], &Control::default())).expect("reads");
    let difference = difference(&trace.tensors()[0].values, &golden.tensors["resid_pre.15"].1);
    assert!(difference.relative <= tolerance, "{difference:?}");
}

#[test]
fn smollm2_on_cpu() {
    check_smollm2(cpu(), 1e-3, 32);
}

#[test]
fn smollm2_on_cpu_with_f32_activations() {
    check_smollm2(cpu_f32(), 1e-4, 32);
}

#[test]
fn smollm2_on_gpu() {
    check_smollm2(gpu(), 1e-4, 32);
}
