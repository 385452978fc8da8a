//! Whole-model gradients of small models put together from parts, each norm placement with each
//! attention, through the forward pass, loss, backward pass and optimiser of a training step, against
//! PyTorch (golden/nano.py) on both engines; and what such a configuration may not ask for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use pollster::block_on;
use serde_json::{Value, json};
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::{Control, Engine};
use vitrine_models::Model;
use vitrine_models::train::nano::Kind;
use vitrine_models::train::{Sequences, TrainConfig, Trainer};
use vitrine_models::weights::{Checkpoint, checkpoint};
use vitrine_tests::edited::edited;
use vitrine_tests::golden::{Golden, cpu, difference, gpu, root};

const ALL: [&str; 12] = [
    "nano_pre_softmax",
    "nano_post_softmax",
    "nano_sandwich_softmax",
    "nano_dual_softmax",
    "nano_pre_linear",
    "nano_post_linear",
    "nano_sandwich_linear",
    "nano_dual_linear",
    "nano_pre_delta",
    "nano_post_delta",
    "nano_sandwich_delta",
    "nano_dual_delta",
];

/// Plain descent so fast that what a parameter moves by is its gradient and little else.
const DESCENT: &str = "run.n_sequences=2&run.n_steps=2&optimiser.kind=sgd&optimiser.rate=64&\
                       optimiser.momentum=0&optimiser.decay=0&optimiser.max_norm=0";

fn check(name: &str, engine: Engine, tolerance: f64) -> f64 {
    let golden = Golden::open(&format!("{name}/gradients"));
    let config = TrainConfig::from_query(DESCENT).unwrap();
    let n_tokens = golden.list("ids").unwrap().len() / 2;
    let on = engine.name();
    let mut trainer = block_on(async {
        let checkpoint = checkpoint::open_path(&root().join("tests/golden").join(name)).await?;
        Trainer::from_checkpoint(engine, &config, &checkpoint, [n_tokens, 0]).await
    })
    .unwrap();
    let batch = Sequences {
        ids: golden.list("ids").unwrap(),
        targets: golden.list("targets").unwrap(),
        source: Vec::new(),
        shown: Vec::new(),
    };
    let before = block_on(trainer.tensors(Kind::Nano)).unwrap();
    let info = block_on(trainer.step(&batch, &Control::default())).unwrap();
    let after = block_on(trainer.tensors(Kind::Nano)).unwrap();
    let loss = golden.metadata["loss"].as_f64().unwrap();
    let off = (f64::from(info.loss) - loss).abs() / loss;
    assert!(off <= tolerance, "{name} on {on}: loss {}, not {loss}", info.loss);
    assert_eq!(before.len(), golden.tensors.len(), "{name}");
    let mut largest = 0.0f64;
    for (before, after) in before.iter().zip(&after) {
        let (_, expected) = &golden.tensors[&before.name];
        let moved = before.values.iter().zip(&after.values);
        let got: Vec<f32> = moved
            .map(|(a, b)| ((f64::from(*a) - f64::from(*b)) / f64::from(info.rate)) as f32)
            .collect();
        let found = difference(&got, expected);
        // A bias of keys moves all scores of a query alike, and no softmax sees that.
        if expected.iter().all(|x| x.abs() < 1e-12) {
            assert!(found.absolute <= 1e-7, "{name} on {on}: {}: {found:?}", before.name);
            continue;
        }
        assert!(found.relative <= tolerance, "{name} on {on}: {}: {found:?}", before.name);
        largest = largest.max(found.relative);
    }
    largest
}

#[test]
fn gradients_on_the_cpu_are_those_of_pytorch() {
    for name in ALL {
        println!("{name}: {:e} at most", check(name, cpu(), 1e-5));
    }
}

#[test]
fn gradients_on_the_gpu_are_those_of_pytorch() {
    for name in ALL {
        println!("{name}: {:e} at most", check(name, gpu(), 1e-4));
    }
}

/// What opening says of a configuration with one field changed.
fn refusal(name: &str, field: &str, value: Value) -> String {
    let files = edited(name, |config| config[field] = value, |_| ());
    let mut engine = Engine::Cpu(CpuEngine::new());
    let loaded = block_on(async {
        let checkpoint = Checkpoint::open(files).await?;
        Model::load(&mut engine, &checkpoint, &Control::default(), &mut |_| ()).await
    });
    loaded.err().unwrap().to_string()
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    // What is changed, and which field the refusal names and what it says of it.
    for (name, field, value, named, word) in [
        ("nano_pre_softmax", "norm_position", json!("middle"), "norm_position", "residual-dual"),
        ("nano_pre_softmax", "norm", json!("batch"), "norm", "rms"),
        ("nano_pre_softmax", "attention", json!("sparse"), "attention", "delta"),
        ("nano_pre_softmax", "positions", json!("relative"), "positions", "sinusoidal"),
        ("nano_pre_softmax", "activation", json!("swish7"), "activation", "swish7"),
        ("nano_pre_linear", "features", json!("cosine"), "features", "dpfp1"),
        ("nano_pre_delta", "is_decoder", json!(false), "attention", "encoder"),
        ("nano_pre_linear", "positions", json!("alibi"), "positions", "softmax"),
        ("nano_pre_linear", "n_kv_heads", json!(2), "n_kv_heads", "n_heads"),
        ("nano_post_softmax", "positions", json!("alibi"), "positions", "decoder"),
    ] {
        let message = refusal(name, field, value);
        assert!(message.contains(named) && message.contains(word), "{message}");
    }
}
