//! What a session promises: tokens that did not change are not run again and nothing shows it;
//! interventions do what they say; cancellation leaves it usable.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use pollster::block_on;
use vitrine_kernels::{Control, EngineError, Read};
use vitrine_models::hook::{Hook, HookPoint};
use vitrine_models::session::{Change, Part, Patch, agreement};
use vitrine_models::weights::{Checkpoint, MemorySource};
use vitrine_models::{ARCHITECTURES, Capture, Input, Model, ModelError, Options, Session, Tap};
use vitrine_tests::golden::{Golden, cpu, difference, fetched_model, gpu, load, root, session};

/// Ids are taken modulo the vocabulary.
const TEXT: [u32; 12] = [5, 17, 3, 60, 3, 17, 22, 9, 0, 41, 17, 3];

/// A tiny checkpoint of each architecture, and of each form that changes what is kept.
const MODELS: [&str; 32] = [
    "openai_gpt",
    "gpt2",
    "gpt_neo",
    "gptj",
    "gpt_neox",
    "gpt_neox_sequential",
    "opt",
    "opt_350m",
    "bloom_6_heads",
    "llama",
    "mistral",
    "qwen2_sliding",
    "qwen3",
    "gemma",
    "phi_grouped",
    "stablelm",
    "bert",
    "roberta",
    "distilbert",
    "electra",
    "electra_discriminator",
    "esm2",
    "esm1b",
    "esm1",
    "transformer",
    "t5",
    "bart",
    "marian",
    "blenderbot",
    "nano_post_softmax",
    "nano_sandwich_softmax",
    "nano_dual_softmax",
];

/// Models whose text has no maps: a recurrent unit or fast weights stand in the place of attention.
const RECURRENT: [&str; 7] = [
    "bergamot-en-pt",
    "bahdanau_gru",
    "bahdanau_gru_fixed",
    "awd_lstm",
    "nano_sandwich_linear",
    "nano_dual_linear",
    "nano_post_delta",
];

/// What encoder–decoders read.
const SOURCE: [u32; 7] = [9, 4, 30, 4, 21, 17, 2];

#[test]
fn every_architecture_is_tested_here() {
    let all = MODELS.iter().chain(&RECURRENT);
    let tested: Vec<_> = all.map(|name| tiny(name).spec().architecture).collect();
    for entry in ARCHITECTURES {
        assert!(tested.contains(&entry.name), "{}", entry.name);
    }
}

/// A tiny checkpoint, or one that is tiny as it is.
fn path_of(name: &str) -> PathBuf {
    match name.starts_with("bergamot") {
        true => fetched_model(name),
        false => root().join("tests/golden").join(name),
    }
}

fn tiny(name: &str) -> Session {
    session(cpu(), &path_of(name), |model| Options::live(model.spec()))
}

fn input_of(session: &Session, ids: &[u32]) -> Input {
    let d_vocab = session.spec().d_vocab as u32;
    let ids: Vec<u32> = ids.iter().map(|id| id % d_vocab).collect();
    match session.spec().has_cross() {
        true => Input::pair(&SOURCE, &ids),
        false => Input::from(&ids[..]),
    }
}

fn run(session: &mut Session, ids: &[u32]) -> (usize, usize) {
    let input = input_of(session, ids);
    let info = block_on(session.set_tokens(&input, &Control::default())).expect("runs");
    (info.n_reused, info.n_new)
}

/// Everything that is kept, and the logits.
fn everything(session: &mut Session) -> Vec<f32> {
    let taps: Vec<_> = session.spec().points().into_iter().map(Tap::of).collect();
    let trace = block_on(session.read(&taps, &Control::default())).expect("reads");
    let values = trace.tensors().iter().flat_map(|tensor| tensor.values.iter().copied());
    values.chain(session.last_logits().to_vec()).collect()
}

fn assert_close(ours: &[f32], theirs: &[f32]) {
    let difference = difference(ours, theirs);
    assert!(difference.relative <= 5e-6, "{difference:?}");
}

#[test]
fn reused_rows_equal_a_run_from_the_start() {
    for &name in MODELS.iter().chain(&RECURRENT) {
        let mut typed = tiny(name);
        if !typed.spec().causal {
            continue;
        }
        // Typed letter by letter, changed in the middle, cut, and typed on.
        assert_eq!(run(&mut typed, &TEXT[..4]), (0, 4));
        assert_eq!(run(&mut typed, &TEXT[..5]), (4, 1));
        assert_eq!(run(&mut typed, &[&TEXT[..3], &[1, 2, 4, 8]].concat()), (3, 4));
        assert_eq!(run(&mut typed, &TEXT[..8]), (3, 5));
        assert_eq!(run(&mut typed, &TEXT[..6]), (5, 1));
        assert_eq!(run(&mut typed, &TEXT[..6]), (6, 0));
        assert_eq!(run(&mut typed, &TEXT), (6, 6));
        let mut fresh = tiny(name);
        run(&mut fresh, &TEXT);
        assert_close(&everything(&mut typed), &everything(&mut fresh));
        assert_eq!(typed.tokens(), fresh.tokens());
    }
}

#[test]
fn hooks_that_come_with_a_run_are_those_that_are_read_after_it() {
    for name in MODELS {
        let mut session = tiny(name);
        let taps: Vec<_> = session.spec().points().into_iter().map(Tap::of).collect();
        for ids in [&TEXT[..5], &TEXT] {
            let (input, control) = (input_of(&session, ids), Control::default());
            let run = block_on(session.set_tokens_reading(&input, &taps, &control));
            let (_, with_run) = run.expect("runs");
            assert!(with_run.tensors().len() > session.spec().n_layers, "{name}");
            let taps: Vec<_> = with_run.tensors().iter().map(|t| Tap::of(t.point)).collect();
            let after = block_on(session.read(&taps, &control)).expect("reads");
            assert_eq!(with_run, after, "{name}");
        }
        // Nothing runs, so nothing comes.
        let input = input_of(&session, &TEXT);
        let run = block_on(session.set_tokens_reading(&input, &taps, &Control::default()));
        assert!(run.expect("runs").1.tensors().is_empty() || !session.spec().causal, "{name}");
    }
}

#[test]
fn the_encoder_runs_once_a_source() {
    for engine in [cpu(), gpu()] {
        let path = root().join("tests/golden/bart");
        let mut typed = session(engine, &path, |model| Options::live(model.spec()));
        let control = Control::default();
        let mut set = |source: &[u32], target: &[u32]| {
            let target: Vec<u32> = target.iter().map(|id| id % 41).collect();
            let info = block_on(typed.set_tokens(&Input::pair(source, &target), &control));
            let info = info.expect("runs");
            (info.n_reused, info.n_new)
        };
        // Another source, longer and shorter, makes all of the target run again.
        assert_eq!(set(&SOURCE, &TEXT[..4]), (0, 4));
        assert_eq!(set(&SOURCE[..3], &TEXT[..4]), (0, 4));
        assert_eq!(set(&SOURCE[..3], &TEXT[..6]), (4, 2));
        let long: Vec<u32> = (0..39).collect();
        assert_eq!(set(&long, &TEXT[..6]), (0, 6));
        assert_eq!(set(&SOURCE, &TEXT[..6]), (0, 6));
        assert_eq!(set(&SOURCE, &TEXT), (6, 6));
        let ours = everything(&mut typed);
        let mut fresh = tiny("bart");
        run(&mut fresh, &TEXT);
        let difference = difference(&ours, &everything(&mut fresh));
        assert!(difference.relative <= 2e-5, "{difference:?}");
        assert_eq!((typed.source_tokens(), typed.tokens()), (&SOURCE[..], fresh.tokens()));
        let error = block_on(typed.pattern_row_error(&control)).expect("runs").expect("kept");
        assert!(error <= 1e-5, "{error}");
    }
}

#[test]
fn a_head_of_the_encoder_and_of_cross_attention_can_be_cut() {
    let mut session = tiny("t5");
    run(&mut session, &TEXT);
    let before = session.last_logits().to_vec();
    let encoder = session.spec().encoder.as_ref().expect("there is one");
    let points = [encoder.at(Hook::Z, 1), session.spec().at(Hook::CrossZ, 0)];
    let values = session.spec().at(Hook::CrossV, 1);
    for point in points.into_iter().chain([values]) {
        let patch = Patch { point, part: Part::Head(1), rows: None, factor: 0.0, values: None };
        session.set_patches(vec![patch]).expect("there is such a place");
        run(&mut session, &TEXT);
        assert!(difference(session.last_logits(), &before).relative > 1e-4, "{point}");
    }
    session.set_patches(Vec::new()).expect("none");
    run(&mut session, &TEXT);
    assert_close(session.last_logits(), &before);
}

#[test]
fn the_wall_follows_edits() {
    let wall_of = |session: &mut Session| {
        let wall = session.wall().expect("kept");
        assert_eq!((wall.block, wall.n_cells), (1, session.tokens().len()));
        let all = vec![0..wall.n_maps, 0..wall.side, 0..wall.side];
        let read = [Read::state(wall.state, all)];
        let values = block_on(session.engine_mut().read(&read)).expect("reads").remove(0);
        (wall, values)
    };
    let mut typed = tiny("llama");
    run(&mut typed, &TEXT);
    run(&mut typed, &TEXT[..7]);
    let (wall, ours) = wall_of(&mut typed);
    let mut fresh = tiny("llama");
    run(&mut fresh, &TEXT[..7]);
    assert_close(&ours, &wall_of(&mut fresh).1);
    // One token a cell: the thumbnail is the pattern.
    let n_heads = typed.spec().n_heads;
    let tap = Tap { head: Some(2), ..Tap::of(HookPoint::layer(Hook::Pattern, 1)) };
    let trace = block_on(typed.read(&[tap], &Control::default())).expect("reads");
    for (query, row) in trace.tensors()[0].values.chunks_exact(7).enumerate() {
        let at = ((n_heads + 2) * wall.side + query) * wall.side;
        assert_eq!(ours[at..at + 7], *row);
    }
}

#[test]
fn patterns_computed_on_demand_equal_kept_ones() {
    for name in MODELS {
        let path = root().join("tests/golden").join(name);
        let (engine, model) = load(cpu(), &path);
        let bytes_before = engine.bytes_held();
        let options = Options { wall_side: None, ..Options::live(model.spec()) };
        let mut kept = Session::new(engine, model, options).expect("memory");
        // One byte less than all states take: the patterns are left out.
        let max_state_bytes = kept.engine().bytes_held() - bytes_before - 1;
        let mut derived = session(cpu(), &path, |model| Options {
            max_state_bytes,
            ..Options::live(model.spec())
        });
        assert!(kept.keeps_patterns() && !derived.keeps_patterns() && derived.wall().is_none());
        let mut values = Vec::new();
        for session in [&mut kept, &mut derived] {
            run(session, &TEXT);
            let rows = Some(2..9);
            let all = Tap::of(session.spec().at(Hook::Pattern, 1));
            let taps = [Tap { rows, head: Some(1), ..all.clone() }, all];
            let trace = block_on(session.read(&taps, &Control::default())).expect("reads");
            assert_eq!(trace.tensors()[0].shape, [7, 12]);
            values.push(trace.tensors().iter().flat_map(|t| t.values.to_vec()).collect::<Vec<_>>());
        }
        assert_close(&values[1], &values[0]);
    }
}

#[test]
fn attention_without_maps_gives_the_same_outputs() {
    let outputs = |session: &mut Session| {
        run(session, &TEXT);
        match session.spec().causal {
            true => session.last_logits().to_vec(),
            false => block_on(session.embedding()).expect("reads"),
        }
    };
    for &name in MODELS.iter().chain(&RECURRENT) {
        let path = path_of(name);
        let expected = outputs(&mut tiny(name));
        for engine in [cpu(), gpu()] {
            let in_chunks = |_: &Model| Options { max_rows: 5, ..Options::bare() };
            let ours = outputs(&mut session(engine, &path, in_chunks));
            let difference = difference(&ours, &expected);
            assert!(difference.relative <= 1e-5, "{name}: {difference:?}");
        }
    }
}

#[test]
fn a_text_whose_states_do_not_fit_is_refused_with_numbers() {
    let path = root().join("tests/golden/llama");
    let (engine, model) = load(cpu(), &path);
    let options = Options { max_state_bytes: 5000, ..Options::live(model.spec()) };
    let err = Session::new(engine, model, options).err().expect("too little");
    assert!(err.to_string().contains("5000"), "{err}");
    // Rows of the residual stream are left out before keys and values are.
    let max_state_bytes = 80_000;
    let mut session =
        session(cpu(), &path, |model| Options { max_state_bytes, ..Options::live(model.spec()) });
    run(&mut session, &TEXT);
    let read = |session: &mut Session, hook| {
        let tap = Tap::of(HookPoint::layer(hook, 1));
        block_on(session.read(&[tap], &Control::default())).map(|trace| trace.tensors().len())
    };
    assert_eq!(read(&mut session, Hook::V), Ok(1));
    let err = read(&mut session, Hook::ResidMid).expect_err("left out");
    assert!(err.to_string().contains("80000"), "{err}");
}

fn head_patch(factor: f32) -> Patch {
    let point = HookPoint::layer(Hook::Z, 1);
    Patch { point, part: Part::Head(2), rows: None, factor, values: None }
}

#[test]
fn a_patch_of_one_changes_nothing_and_a_patch_of_zero_is_felt() {
    for name in MODELS {
        let mut session = tiny(name);
        run(&mut session, &TEXT);
        let before = everything(&mut session);
        let points = [
            (Hook::Z, Part::Head(1)),
            (Hook::AttnOut, Part::All),
            (Hook::MlpOut, Part::Column(3)),
            (Hook::ResidPre, Part::All),
            (Hook::ResidPost, Part::All),
        ];
        for (hook, part) in points {
            for (factor, rows) in [(1.0, None), (0.0, Some(0..4))] {
                let patch =
                    Patch { point: session.spec().at(hook, 1), part, rows, factor, values: None };
                session.set_patches(vec![patch]).expect("there is such a place");
                run(&mut session, &TEXT);
                let after = everything(&mut session);
                let difference = difference(&after, &before).relative;
                if factor == 1.0 {
                    assert!(difference == 0.0, "{name} {hook:?}: {difference}");
                } else {
                    assert!(difference > 1e-4, "{name} {hook:?}: {difference}");
                }
            }
        }
        session.set_patches(Vec::new()).expect("none");
        run(&mut session, &TEXT);
        assert_close(&everything(&mut session), &before);
    }
}

#[test]
fn a_head_of_other_values_changes_what_follows_and_nothing_else() {
    for name in ["gpt2", "llama", "gpt_neox"] {
        let control = Control::default();
        let mut session = tiny(name);
        run(&mut session, &TEXT);
        let before = everything(&mut session);
        let point = session.spec().at(Hook::Z, 1);
        let tap = Tap { head: Some(2), ..Tap::of(point) };
        let own =
            block_on(session.read(&[tap], &control)).expect("reads").tensors()[0].values.clone();
        let n_rows = 7;
        let d_head = session.spec().d_head;
        let head = |values: &[f32]| Change::Head { layer: 1, head: 2, values: values.into() };
        let mut changed = |change| block_on(session.changed(&change, &control)).expect("runs");
        let same = changed(head(&own[..n_rows * d_head]));
        assert!(same.divergences.iter().all(|&kl| kl <= 1e-6), "{name}: {same:?}");
        assert_close(&same.logits[0], &same.logits[1]);
        let none = changed(head(&vec![0.0; n_rows * d_head]));
        assert_eq!(none.divergences.len(), TEXT.len());
        assert!(none.divergences[n_rows - 1] > 1e-6, "{name}: {none:?}");
        // All rows without it: the patch of zero.
        let zero = changed(head(&vec![0.0; own.len()]));
        assert_close(&everything(&mut session), &before);
        session.set_patches(vec![head_patch(0.0)]).expect("there is such a head");
        run(&mut session, &TEXT);
        assert_close(session.last_logits(), &zero.logits[1]);
    }
}

#[test]
fn the_other_norm_predicts_what_pytorch_predicts_with_it() {
    let golden = Golden::open("other_norm");
    for name in ["gpt2", "llama"] {
        for engine in [cpu(), gpu()] {
            let mut session = session(engine, &path_of(name), |model| Options::live(model.spec()));
            run(&mut session, &TEXT);
            let before = everything(&mut session);
            let control = Control::default();
            let changed = block_on(session.changed(&Change::OtherNorm, &control)).expect("runs");
            let (shape, logits) = &golden.tensors[name];
            let last = difference(&changed.logits[1], &logits[(shape[0] - 1) * shape[1]..]);
            assert!(last.relative <= 1e-5, "{name}: {last:?}");
            let divergences = &golden.tensors[&format!("{name}.divergences")].1;
            let difference = difference(&changed.divergences, divergences);
            assert!(difference.relative <= 1e-4, "{name}: {difference:?}");
            assert_close(&everything(&mut session), &before);
        }
    }
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let control = Control::default();
    let refused = |name: &str, change: Change| {
        let mut session = tiny(name);
        if name != "gpt_neo" {
            run(&mut session, &TEXT);
        }
        block_on(session.changed(&change, &control)).expect_err("refused").to_string()
    };
    assert!(refused("bert", Change::OtherNorm).contains("predicts the next token"));
    assert!(refused("gpt_neo", Change::OtherNorm).contains("has run"));
    let head = |head, n| Change::Head { layer: 1, head, values: vec![0.0; n].into() };
    assert!(refused("gpt2", head(0, 13)).contains("rows in the place"));
    assert!(refused("gpt2", head(3, 12)).contains("outside"));
}

#[test]
fn zeroing_a_head_equals_zeroing_its_rows_of_the_output_matrix() {
    let folder = root().join("tests/golden/gpt2");
    let config = std::fs::read(folder.join("config.json")).expect("a config");
    let mut weights = std::fs::read(folder.join("model.safetensors")).expect("weights");
    let control = Control::default();
    let open = |weights: Vec<u8>| {
        let files = vec![
            MemorySource::new("config.json", config.clone()),
            MemorySource::new("model.safetensors", weights),
        ];
        block_on(Checkpoint::open(files)).expect("opens")
    };
    // Conv1D: rows are inputs, d_head = 12 of them a head.
    let entry = open(weights.clone())
        .entry("transformer.h.1.attn.c_proj.weight")
        .expect("is there")
        .clone();
    let start = entry.offset as usize + 2 * 12 * 36 * 4;
    weights[start..start + 12 * 36 * 4].fill(0);
    let mut engine = cpu();
    let model = block_on(async {
        let checkpoint = open(weights);
        Model::load(&mut engine, &checkpoint, &control, &mut |_| ()).await.expect("loads")
    });
    let mut edited = Session::new(engine, model, Options::bare()).expect("memory");
    run(&mut edited, &TEXT);

    let mut patched = tiny("gpt2");
    run(&mut patched, &TEXT);
    let unpatched = patched.last_logits().to_vec();
    patched.set_patches(vec![head_patch(0.0)]).expect("there is such a head");
    run(&mut patched, &TEXT);
    assert_close(patched.last_logits(), edited.last_logits());
    assert!(difference(&unpatched, patched.last_logits()).relative > 1e-3);
}

#[test]
fn impossible_requests_are_refused_in_words() {
    let mut session = tiny("gpt2");
    let control = Control::default();
    let message = |err: ModelError| err.to_string();
    let mut refused = |input: Input, word: &str| {
        let err = block_on(session.set_tokens(&input, &control)).expect_err("refused");
        assert!(message(err.clone()).contains(word), "{err}");
    };
    refused(Input::from(&[][..]), "at least one");
    refused(Input::from(&[61][..]), "61");
    refused(Input::from(&[1; 41][..]), "41");
    refused(Input { attention_mask: Some(vec![1]), ..Input::from(&[1, 2][..]) }, "1 entries");
    refused(Input { token_types: Some(vec![0, 1]), ..Input::from(&[1, 2][..]) }, "token types");
    refused(Input::pair(&[1], &[2]), "no encoder");
    let bad = |point, part| Patch { point, part, rows: None, factor: 0.0, values: None };
    for patch in [
        bad(HookPoint::layer(Hook::Z, 3), Part::All),
        bad(HookPoint::layer(Hook::Z, 0), Part::Head(3)),
        bad(HookPoint::layer(Hook::MlpOut, 0), Part::Head(0)),
        bad(HookPoint::layer(Hook::Pattern, 0), Part::All),
        bad(HookPoint::layer(Hook::RotQ, 0), Part::All),
    ] {
        session.set_patches(vec![patch]).expect_err("no such place");
    }
    run(&mut session, &TEXT);
    for tap in [
        Tap::of(HookPoint::layer(Hook::RotQ, 0)),
        Tap::of(HookPoint::layer(Hook::Q, 3)),
        Tap { head: Some(3), ..Tap::of(HookPoint::layer(Hook::Q, 0)) },
        Tap { rows: Some(3..13), ..Tap::of(HookPoint::layer(Hook::Q, 0)) },
    ] {
        block_on(session.read(&[tap], &control)).expect_err("not there");
    }
    assert_eq!(run(&mut session, &TEXT), (12, 0));
}

#[test]
fn a_cancelled_run_leaves_the_session_usable() {
    let path = fetched_model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let options = |model: &Model| Options { max_rows: 8, ..Options::live(model.spec()) };
    let mut session = session(cpu(), &path, options);
    let ids: Vec<u32> = (500..530).collect();
    // The host cancels when the run has given way for the third time.
    let (n_pauses, handle) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None::<Control>)));
    let pause = {
        let (n_pauses, handle) = (Rc::clone(&n_pauses), Rc::clone(&handle));
        move || -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
            n_pauses.set(n_pauses.get() + 1);
            if n_pauses.get() == 3
                && let Some(control) = handle.take()
            {
                control.cancel();
            }
            Box::pin(std::future::ready(()))
        }
    };
    let control = Control::with_pause(Rc::new(pause));
    handle.set(Some(control.clone()));
    let err = block_on(session.set_tokens(&Input::from(&ids[..]), &control));
    assert_eq!(err, Err(ModelError::Engine(EngineError::Cancelled)));
    assert_eq!(n_pauses.get(), 3);
    assert!(session.tokens().len() < ids.len() && session.last_logits().is_empty());
    let (n_reused, n_new) = run(&mut session, &ids);
    assert_eq!((n_reused % 8, n_reused + n_new), (0, ids.len()));
    let after = session.last_logits().to_vec();
    session.set_patches(vec![head_patch(1.0)]).expect("there is such a head");
    run(&mut session, &ids);
    assert_close(&after, session.last_logits());
}

#[test]
fn lens_and_losses_follow_from_the_logits() {
    let mut session = tiny("llama");
    let control = Control::default();
    run(&mut session, &TEXT);
    let n = TEXT.len();
    let logits = block_on(session.logits_of(0..n, &control)).expect("runs");
    let rows: Vec<_> = logits.chunks_exact(session.spec().d_vocab).collect();
    assert_close(rows[n - 1], session.last_logits());
    let losses = block_on(session.token_losses(&control)).expect("runs");
    assert_eq!((losses.len(), losses[0]), (n, None));
    for at in 1..n {
        let sum: f64 = rows[at - 1].iter().map(|&logit| f64::from(logit).exp()).sum();
        let expected = sum.ln() - f64::from(rows[at - 1][TEXT[at] as usize]);
        assert!((f64::from(losses[at].expect("there is one")) - expected).abs() <= 1e-4);
    }
    let lens = block_on(session.lens(n - 1, 5, &control)).expect("runs");
    assert_eq!(lens.len(), session.spec().n_layers + 1);
    let last = lens.last().expect("rows");
    assert_eq!((last.rank_of_final, last.top.len()), (0, 5));
    assert!((last.top[0].1 - last.p_of_final).abs() <= 1e-6);
    let row_error = block_on(session.pattern_row_error(&control)).expect("runs").expect("kept");
    assert!(row_error <= 1e-5, "{row_error}");
}

#[test]
fn growing_beyond_the_capacity_keeps_the_numbers() {
    let ids: Vec<u32> = (0..130).map(|i| i * 7 % 900 + 1).collect();
    let path = fetched_model("all-minilm-l6-v2");
    let mut grown = session(cpu(), &path, |model| Options::live(model.spec()));
    run(&mut grown, &ids[..60]);
    run(&mut grown, &ids);
    let ours = block_on(grown.embedding()).expect("reads");
    let bare = |_: &Model| Options { capture: Capture::bare(), is_exact: true, ..Options::bare() };
    let mut fresh = session(cpu(), &path, bare);
    run(&mut fresh, &ids);
    assert_close(&ours, &block_on(fresh.embedding()).expect("reads"));
}

#[test]
fn the_engines_agree() {
    for name in MODELS {
        let path = root().join("tests/golden").join(name);
        let mut ours = tiny(name);
        run(&mut ours, &TEXT);
        let mut theirs = session(gpu(), &path, |model| Options::live(model.spec()));
        let found = block_on(agreement(&mut ours, &mut theirs, &Control::default())).expect("runs");
        assert!(found.relative_error <= 1e-5 && found.pattern_error <= 1e-5, "{name}: {found:?}");
    }
}
