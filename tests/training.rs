//! Training runs: against PyTorch's losses (golden/training.py), one engine against the other, and
//! against themselves (the same seed, a run that was interrupted).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::train::checkpoint::SavedRun;
use vitrine_models::train::{Dataset, Sequences, TrainConfig, Trainer};
use vitrine_models::weights::checkpoint;
use vitrine_tests::golden::{cpu, gpu, root};

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
    for kind in ["gpt2", "llama", "transformer"] {
        let query = format!("{TINY}&model.kind={kind}&model.dropout=0.1");
        let (mut on_cpu, data) = trainer(cpu(), &query);
        let (mut on_gpu, _) = trainer(gpu(), &query);
        let batches = batches(&data, 0..40);
        let (ours, theirs) = (run(&mut on_gpu, &batches), run(&mut on_cpu, &batches));
        let distance = distance(&ours.losses, &theirs.losses);
        assert!(distance <= 1e-2, "{kind}: {distance}");
    }
}

#[test]
fn every_optimiser_learns() {
    for (kind, rate) in [("sgd", 0.1), ("adam", 3e-3), ("adam_w", 3e-3), ("lion", 1e-3)] {
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
