//! Encoder–decoders: searches as transformers' `generate` makes them, and checkpoints as they lie
//! about: without prefixes, with tied tensors written out, an encoder alone.

use pollster::block_on;
use serde_json::Value;
use vitrine_kernels::{Control, Engine};
use vitrine_models::session::{Beams, EarlyStopping, Fate};
use vitrine_models::weights::{Checkpoint, FileDType};
use vitrine_models::{Hook, Input, Model, Options, Session, Tap};
use vitrine_tests::edited::{Tensor, edited};
use vitrine_tests::golden::{Golden, cpu, difference, gpu, root, session};

/// The settings of tests/golden/seq2seq.py, by transformers' names.
fn beams_of(settings: &Value) -> Beams {
    let number = |key: &str| settings[key].as_u64();
    let early_stopping = match &settings["early_stopping"] {
        Value::Bool(true) => EarlyStopping::AtOnce,
        Value::String(_) => EarlyStopping::Never,
        _ => EarlyStopping::Heuristic,
    };
    let suppressed = settings["suppress_tokens"].as_array().into_iter().flatten();
    Beams {
        n_beams: number("num_beams").expect("a number") as usize,
        max_tokens: number("max_new_tokens").expect("a number") as usize,
        min_tokens: number("min_new_tokens").unwrap_or(0) as usize,
        length_penalty: settings["length_penalty"].as_f64().unwrap_or(1.0) as f32,
        early_stopping,
        eos: vec![2],
        suppressed: suppressed.filter_map(Value::as_u64).map(|id| id as u32).collect(),
        forced_first: number("forced_bos_token_id").map(|id| id as u32),
        forced_last: number("forced_eos_token_id").map(|id| id as u32),
        no_repeat: number("no_repeat_ngram_size").unwrap_or(0) as usize,
    }
}

fn check_searches(name: &str, engine: Engine) {
    let path = root().join("tests/golden").join(name);
    let mut session = session(engine, &path, |_| Options::bare());
    let start = session.spec().decoder_start.expect("in the configuration");
    let mut n_ended_early = 0;
    for case in ["case_plain", "case_left"] {
        let golden = Golden::open(&format!("{name}/{case}"));
        let input = Input { ids: vec![start], ..golden.input() };
        for search in golden.metadata["searches"].as_array().expect("a list") {
            let beams = beams_of(&search["settings"]);
            let control = Control::default();
            let mut n_steps = 0;
            let tree =
                block_on(session.beam_search(&input, &beams, &control, &mut |_| n_steps += 1));
            let tree = tree.expect("runs");
            let found: Vec<_> = tree
                .hypotheses
                .iter()
                .map(|hypothesis| [&[start], &tree.tokens(hypothesis.node)[..]].concat())
                .collect();
            let expected: Vec<Vec<u32>> =
                serde_json::from_value(search["sequences"].clone()).expect("lists of ids");
            assert_eq!(found, expected, "{name} {case} {}", search["settings"]);
            let scores = search["scores"].as_array().expect("a list");
            for (hypothesis, score) in tree.hypotheses.iter().zip(scores) {
                let score = score.as_f64().expect("a number") as f32;
                assert!((hypothesis.score - score).abs() <= 1e-4, "{} {score}", hypothesis.score);
                assert_eq!(tree.nodes[hypothesis.node].fate, Fate::Ended);
            }
            assert!(n_steps <= beams.max_tokens);
            n_ended_early += usize::from(n_steps < beams.max_tokens);
        }
    }
    println!("{name}: {n_ended_early} of 12 searches ended early");
}

macro_rules! searches {
    ($($model:ident)*) => {
        mod searches_on_cpu {
            $(#[test] fn $model() { super::check_searches(stringify!($model), super::cpu()) })*
        }
        mod searches_on_gpu {
            $(#[test] fn $model() { super::check_searches(stringify!($model), super::gpu()) })*
        }
    };
}

searches! { t5 t5_v11 bart mbart marian marian_two_vocabularies blenderbot blenderbot_small }

/// Logits of a tiny checkpoint after edits.
fn logits(
    name: &str,
    edit_config: impl FnOnce(&mut Value),
    edit_weights: impl FnOnce(&mut Vec<Tensor>),
) -> Vec<f32> {
    let mut session = open(name, edit_config, edit_weights);
    let input = Input::pair(&[9, 4, 30, 4, 21], &[1, 7, 12]);
    block_on(session.set_tokens(&input, &Control::default())).expect("runs");
    session.last_logits().to_vec()
}

fn open(
    name: &str,
    edit_config: impl FnOnce(&mut Value),
    edit_weights: impl FnOnce(&mut Vec<Tensor>),
) -> Session {
    let (files, mut engine) = (edited(name, edit_config, edit_weights), cpu());
    let model = block_on(async {
        let checkpoint = Checkpoint::open(files).await?;
        Model::load(&mut engine, &checkpoint, &Control::default(), &mut |_| ()).await
    });
    let model = model.unwrap_or_else(|err| panic!("{name}: {err}"));
    let options = Options::live(model.spec());
    Session::new(engine, model, options).expect("memory")
}

/// A copy of a tensor under another name.
fn copy(tensors: &mut Vec<Tensor>, from: &str, to: &str) {
    let found = tensors.iter().find(|tensor| tensor.0 == from).expect("is there").clone();
    tensors.push((to.to_owned(), found.1, found.2, found.3));
}

#[test]
fn tied_tensors_may_be_there_several_times_or_under_another_name() {
    for (name, table) in [("t5", "shared.weight"), ("bart", "model.shared.weight")] {
        let expected = logits(name, |_| (), |_| ());
        let prefix = table.trim_end_matches("shared.weight");
        let others = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
        let copies = logits(
            name,
            |_| (),
            |tensors| {
                others.iter().for_each(|other| copy(tensors, table, &format!("{prefix}{other}")));
                copy(tensors, table, "lm_head.weight");
            },
        );
        assert_eq!(copies, expected, "{name}");
        let renamed = logits(
            name,
            |_| (),
            |tensors| {
                let table = tensors.iter_mut().find(|tensor| tensor.0 == table).expect("is there");
                table.0 = format!("{prefix}{}", others[0]);
            },
        );
        assert_eq!(renamed, expected, "{name}");
    }
}

#[test]
fn prefixes_and_a_bias_of_nothing_may_be_missing() {
    let expected = logits("bart", |_| (), |_| ());
    let bare = logits(
        "bart",
        |_| (),
        |tensors| {
            for tensor in tensors {
                tensor.0 = tensor.0.trim_start_matches("model.").to_owned();
            }
        },
    );
    assert_eq!(bare, expected);
    let unbiased = logits(
        "bart",
        |_| (),
        |tensors| {
            tensors.retain(|tensor| tensor.0 != "final_logits_bias");
        },
    );
    let zeros = logits(
        "bart",
        |_| (),
        |tensors| {
            let bias = tensors.iter_mut().find(|tensor| tensor.0 == "final_logits_bias");
            bias.expect("is there").3.fill(0);
        },
    );
    assert_eq!(unbiased, zeros);
    assert_ne!(unbiased, expected);
}

#[test]
fn t5_as_transformers_4_and_5_write_it() {
    let take = |config: &mut Value, key: &str| config.as_object_mut().and_then(|c| c.remove(key));
    let expected = logits("t5", |_| (), |_| ());
    let old = logits("t5", |config| drop(take(config, "scale_decoder_outputs")), |_| ());
    assert_eq!(old, expected);
    let unscaled = logits("t5", |config| config["scale_decoder_outputs"] = false.into(), |_| ());
    assert!(difference(&unscaled, &expected).relative > 0.1);
    // v1.1: transformers 5 calls all tied; the file knows better.
    let edit = |config: &mut Value| {
        config["tie_word_embeddings"] = true.into();
        config["scale_decoder_outputs"] = false.into();
    };
    assert_eq!(logits("t5_v11", edit, |_| ()), logits("t5_v11", |_| (), |_| ()));
}

#[test]
fn an_encoder_alone_gives_what_it_gives_in_the_pair() {
    let ids = [9, 4, 30, 4, 21];
    let read = |session: &mut Session, input: &Input, tap: Tap| {
        block_on(session.set_tokens(input, &Control::default())).expect("runs");
        let trace = block_on(session.read(&[tap], &Control::default())).expect("reads");
        trace.tensors()[0].values.to_vec()
    };
    let mut pair = open("t5_v11", |_| (), |_| ());
    let encoder = pair.spec().encoder.clone().expect("there is one");
    let tap = Tap::of(encoder.at(Hook::LastHiddenState, 0));
    let expected = read(&mut pair, &Input::pair(&ids, &[0]), tap);
    let mut alone = open(
        "t5_v11",
        |_| (),
        |tensors| {
            let is_of_encoder =
                |name: &str| name.starts_with("encoder.") || name == "shared.weight";
            tensors.retain(|(name, dtype, ..)| is_of_encoder(name) && *dtype == FileDType::F32);
        },
    );
    let tap = Tap::of(alone.spec().at(Hook::LastHiddenState, 0));
    assert_eq!(read(&mut alone, &Input::from(&ids[..]), tap), expected);
}
