//! Training runs: against PyTorch's losses (golden/training.py), one engine against the other, and
//! against themselves (the same seed, a run that was interrupted).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::train::checkpoint::SavedRun;
use vitrine_models::train::{Dataset, Sequences, TrainConfig, Trainer};
use vitrine_models::weights::checkpoint;
use vitrine_tests::golden::{cpu, difference, gpu, root};

/// Losses and norms of a run.
struct Course {
    losses: Vec<f32>,
    norms: Vec<f32>,
}

fn config(query: &str) -> TrainConfig {
    TrainConfig::from_query(query).unwrap()
}

/// The run that golden/training.py made, and what PyTorch's losses and norms were.
fn golden(name: &str) -> (Vec<Sequences>, Course) {
    let bytes =
        std::fs::read(root().join(format!("tests/golden/training_{name}.safetensors"))).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Vec<Vec<u32>> {
        let Ok(tensor) = file.tensor(name) else { return Vec::new() };
        let n_step: usize = tensor.shape()[1..].iter().product();
        let word = |bytes: &[u8]| i32::from_le_bytes(bytes.try_into().unwrap()) as u32;
        let words: Vec<u32> = tensor.data().chunks_exact(4).map(word).collect();
        words.chunks_exact(n_step).map(<[u32]>::to_vec).collect()
    };
    let numbers = |name: &str| -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let (source, shown) = (words("source"), words("shown"));
    let of_step = |all: &[Vec<u32>], step: usize| all.get(step).cloned().unwrap_or_default();
    let steps = words("ids").into_iter().zip(words("targets")).enumerate();
    let batches = steps
        .map(|(step, (ids, targets))| Sequences {
            ids,
            targets,
            source: of_step(&source, step),
            shown: of_step(&shown, step),
        })
        .collect();
    (batches, Course { losses: numbers("losses"), norms: numbers("norms") })
}

fn run(trainer: &mut Trainer, batches: &[Sequences]) -> Course {
    let control = Control::default();
    let infos: Vec<_> =
        batches.iter().map(|batch| block_on(trainer.step(batch, &control)).unwrap()).collect();
    Course {
        losses: infos.iter().map(|info| info.loss).collect(),
        norms: infos.iter().map(|info| info.norm).collect(),
    }
}

/// The largest relative difference of two courses; NaN is infinitely far.
fn distance(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let distances = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / b.abs());
    distances.fold(0.0, |largest, one| if one <= largest { largest } else { one })
}

/// All steps of a golden run: losses within 1 % (0.1 % in the first twenty), norms within 1 % in the first
/// ten.
fn check_golden(name: &str, engine: Engine, n_steps: usize) {
    let (batches, theirs) = golden(name);
    let batches = &batches[..n_steps];
    let total = theirs.losses.len();
    let (n_tokens, n_source) = (12, batches[0].source.len() / 4);
    let config = config(&format!(
        "run.n_sequences=4&run.n_steps={total}&optimiser.rate=0.002&optimiser.decay=0.1&\
         optimiser.max_norm=1&schedule.curve=cosine&schedule.warmup=5&schedule.floor=0.1"
    ));
    let path = root().join("tests/golden").join(name);
    let mut trainer = block_on(async {
        let checkpoint = checkpoint::open_path(&path).await?;
        Trainer::from_checkpoint(engine, &config, &checkpoint, [n_tokens, n_source]).await
    })
    .unwrap();
    let ours = run(&mut trainer, batches);
    let first = distance(&ours.losses[..20], &theirs.losses[..20]);
    let all = distance(&ours.losses, &theirs.losses[..n_steps]);
    let norms = distance(&ours.norms[..10], &theirs.norms[..10]);
    println!(
        "{name}: losses {first:.1e} (20 steps), {all:.1e} ({n_steps} steps); norms {norms:.1e}"
    );
    assert!(first <= 1e-3, "{name}: {:?}, PyTorch {:?}", ours.losses, theirs.losses);
    assert!(all <= 1e-2, "{name}: {:?}, PyTorch {:?}", ours.losses, theirs.losses);
    assert!(norms <= 1e-2, "{name}: {:?}, PyTorch {:?}", ours.norms, theirs.norms);
    assert!(ours.losses[n_steps - 1] < ours.losses[0], "{name} has learned nothing");
}

#[test]
fn two_hundred_steps_of_gpt2_as_in_pytorch() {
    check_golden("gpt2", cpu(), 200);
}

#[test]
fn other_kinds_as_in_pytorch() {
    for name in ["llama", "gpt_neox", "bloom", "bert", "bart"] {
        check_golden(name, cpu(), 40);
    }
}

/// Recurrent models: every gradient of the first step, the parameters after ten of AdamW, and 40 losses.
fn check_recurrent(name: &str, engine: fn() -> Engine, tolerance: f32) {
    let (batches, theirs) = golden(name);
    let bytes =
        std::fs::read(root().join(format!("tests/golden/training_{name}.safetensors"))).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let reference = |name: &str| -> Vec<f32> {
        let data = file.tensor(name).unwrap_or_else(|_| panic!("no {name}")).data();
        data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    let lengths = [12, batches[0].source.len() / 4];
    let begun = |query: &str| {
        let config =
            config(&format!("run.n_sequences=4&run.n_steps=40&optimiser.rate=0.002&{query}"));
        let path = root().join("tests/golden").join(name);
        block_on(async {
            let checkpoint = checkpoint::open_path(&path).await?;
            Trainer::from_checkpoint(engine(), &config, &checkpoint, lengths).await
        })
        .unwrap()
    };
    // After one step the memory of SGD is the gradient.
    let mut once = begun("optimiser.kind=sgd&optimiser.decay=0&optimiser.max_norm=0");
    run(&mut once, &batches[..1]);
    let gradients = block_on(once.memory()).unwrap();
    let gradients =
        gradients.iter().filter_map(|one| Some((one.name.strip_prefix("moment0.")?, one)));
    let mut trainer = begun(
        "optimiser.decay=0.1&optimiser.max_norm=1&optimiser.eps=0.000001&\
         schedule.curve=cosine&schedule.warmup=5&schedule.floor=0.1",
    );
    let mut ours = run(&mut trainer, &batches[..10]);
    let ends = block_on(trainer.memory()).unwrap();
    let ends = ends.iter().filter_map(|one| Some((one.name.strip_prefix("parameter.")?, one)));
    let mut n_compared = 0;
    for (kind, all) in [("gradient", gradients.collect::<Vec<_>>()), ("end", ends.collect())] {
        for (key, one) in all {
            let found = difference(&one.values, &reference(&format!("{kind}.{key}")));
            assert!(found.relative <= f64::from(tolerance), "{name}: {kind} of {key}: {found:?}");
            n_compared += 1;
        }
    }
    assert_eq!(n_compared, 2 * trainer.parameter_names().count());
    let rest = run(&mut trainer, &batches[10..]);
    ours.losses.extend(rest.losses);
    let first = distance(&ours.losses[..20], &theirs.losses[..20]);
    let all = distance(&ours.losses, &theirs.losses);
    println!("{name}: losses {first:.1e} (20 steps), {all:.1e} (40 steps)");
    assert!(first <= 1e-3 && all <= 1e-2, "{name}: {:?}, {:?}", ours.losses, theirs.losses);
}

const RECURRENT: [&str; 4] = ["bahdanau_gru", "bahdanau_gru_fixed", "awd_lstm", "awd_lstm_untied"];

#[test]
fn recurrent_models_as_in_pytorch() {
    RECURRENT.into_iter().for_each(|name| check_recurrent(name, cpu, 1e-5));
}

#[test]
fn recurrent_models_on_the_gpu_as_in_pytorch() {
    RECURRENT.into_iter().for_each(|name| check_recurrent(name, gpu, 1e-4));
}

#[test]
fn the_gpu_as_in_pytorch() {
    check_golden("gpt2", gpu(), 20);
    check_golden("bart", gpu(), 20);
}

const TINY: &str = "model.n_layers=2&model.d_model=24&model.n_heads=2&model.n_ctx=32&\
                    run.n_sequences=4&run.n_steps=60&data.task=reversal&optimiser.rate=0.003";

fn trainer(engine: Engine, query: &str) -> (Trainer, Dataset) {
    let config = config(query);
    let data = Dataset::new(&config, None).unwrap();
    (block_on(Trainer::new(engine, &config, &data)).unwrap(), data)
}

fn batches(data: &Dataset, steps: std::ops::Range<usize>) -> Vec<Sequences> {
    steps.map(|step| data.batch(step).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_losses() {
    let course = |query: &str| {
        let (mut trainer, data) = trainer(cpu(), query);
        run(&mut trainer, &batches(&data, 0..30)).losses
    };
    let with_dropout = format!("{TINY}&model.dropout=0.1");
    let first = course(&with_dropout);
    assert_eq!(course(&with_dropout), first);
    assert_ne!(course(&format!("{with_dropout}&seed=1")), first);
    assert_ne!(course(TINY), first);
    assert!(first[29] < first[0]);
}

#[test]
fn a_run_goes_on_where_it_was_left() {
    let query = format!("{TINY}&model.dropout=0.1&model.kind=transformer");
    let (mut whole, data) = trainer(cpu(), &query);
    let expected = run(&mut whole, &batches(&data, 0..20)).losses;
    let (mut first, _) = trainer(cpu(), &query);
    run(&mut first, &batches(&data, 0..12));
    let saved = SavedRun {
        config: config(&query),
        n_done: first.n_done(),
        best: 1.0,
        n_worse: 0,
        tensors: block_on(first.memory()).unwrap(),
    };
    let saved = SavedRun::from_bytes("run", &saved.to_bytes().unwrap()).unwrap();
    let (mut second, _) = trainer(cpu(), &query);
    second.recall(&saved.tensors, saved.n_done).unwrap();
    assert_eq!(run(&mut second, &batches(&data, 12..20)).losses, expected[12..]);
    assert!(second.recall(&saved.tensors[1..], 12).is_err());
}

#[test]
fn both_engines_follow_one_course() {
    for (kind, n_layers) in [("gpt2", 2), ("llama", 2), ("transformer", 2), ("gru", 1), ("lstm", 2)]
    {
        let query = format!("{TINY}&model.kind={kind}&model.n_layers={n_layers}&model.dropout=0.1");
        let (mut on_cpu, data) = trainer(cpu(), &query);
        let (mut on_gpu, _) = trainer(gpu(), &query);
        let batches = batches(&data, 0..40);
        let (ours, theirs) = (run(&mut on_gpu, &batches), run(&mut on_cpu, &batches));
        let distance = distance(&ours.losses, &theirs.losses);
        assert!(distance <= 1e-2, "{kind}: {distance}");
    }
}

#[test]
fn both_engines_follow_one_course_for_two_hundred_steps() {
    let query = "model.n_layers=1&model.d_model=16&model.n_heads=2&model.n_ctx=16&run.n_sequences=4&\
                 run.n_steps=200&data.task=reversal&optimiser.rate=0.003";
    let (mut on_cpu, data) = trainer(cpu(), query);
    let (mut on_gpu, _) = trainer(gpu(), query);
    let batches = batches(&data, 0..200);
    let (ours, theirs) = (run(&mut on_gpu, &batches), run(&mut on_cpu, &batches));
    let distance = distance(&ours.losses, &theirs.losses);
    println!("{distance:.1e}");
    assert!(distance <= 1e-2, "{distance}");
    assert!(theirs.losses[199] < 0.9 * theirs.losses[0], "{:?}", theirs.losses);
}

#[test]
fn batches_that_are_added_up_are_one_large_batch() {
    // Copies have all the same length here, so that each batch counts as many tokens.
    let query = |n_sequences: usize, n_accumulated: usize| {
        format!(
            "{TINY}&run.n_sequences={n_sequences}&run.n_accumulated={n_accumulated}&data.task=majority"
        )
    };
    let (mut whole, data) = trainer(cpu(), &query(6, 1));
    let (mut parts, data_of_parts) = trainer(cpu(), &query(2, 3));
    let batches = batches(&data, 0..20);
    assert_eq!(batches, self::batches(&data_of_parts, 0..20));
    let (ours, theirs) = (run(&mut parts, &batches), run(&mut whole, &batches));
    assert!(distance(&ours.losses, &theirs.losses) <= 1e-4, "{:?}", ours.losses);
    assert!(distance(&ours.norms, &theirs.norms) <= 1e-3, "{:?}, {:?}", ours.norms, theirs.norms);
    let mut on_gpu = trainer(gpu(), &query(2, 3)).0;
    let on_gpu = run(&mut on_gpu, &batches[..5]);
    assert!(distance(&on_gpu.losses, &theirs.losses[..5]) <= 1e-3, "{:?}", on_gpu.losses);
    // What a cancelled step has left is not in the next one.
    let control = Control::default();
    control.cancel();
    assert!(block_on(parts.step(&batches[0], &control)).is_err());
    let after = block_on(parts.step(&batches[0], &Control::default())).unwrap();
    let as_one = block_on(whole.step(&batches[0], &Control::default())).unwrap();
    assert!((after.norm / as_one.norm - 1.0).abs() <= 1e-3, "{after:?}, {as_one:?}");
}

#[test]
fn every_optimiser_learns() {
    let kinds = [("sgd", 0.1), ("adam", 3e-3), ("adam_w", 3e-3), ("lion", 1e-3), ("muon", 3e-3)];
    for (kind, rate) in kinds {
        let query =
            format!("{TINY}&optimiser.kind={kind}&optimiser.rate={rate}&optimiser.decay=0.01");
        let (mut trainer, data) = trainer(cpu(), &query);
        let validation = data.validation().unwrap();
        let control = Control::default();
        let before = block_on(trainer.score(&validation, &control)).unwrap();
        run(&mut trainer, &batches(&data, 0..60));
        let after = block_on(trainer.score(&validation, &control)).unwrap();
        assert!(after.loss < before.loss * 0.9, "{kind}: {} then {}", before.loss, after.loss);
    }
}
