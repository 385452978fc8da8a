//! One model, two spellings: configurations as transformers 4 wrote them give the same logits as
//! those of transformers 5.

use pollster::block_on;
use serde_json::{Value, json};
use vitrine_kernels::Control;
use vitrine_models::weights::Checkpoint;
use vitrine_models::{Input, Model, Options, Session};
use vitrine_tests::edited::edited;
use vitrine_tests::golden::cpu;

fn logits(name: &str, edit: impl FnOnce(&mut Value)) -> Vec<f32> {
    let (files, mut engine, control) = (edited(name, edit, |_| ()), cpu(), Control::default());
    block_on(async {
        let checkpoint = Checkpoint::open(files).await.expect("opens");
        let model = Model::load(&mut engine, &checkpoint, &control, &mut |_| ()).await;
        let mut session =
            Session::new(engine, model.expect("loads"), Options::bare()).expect("memory");
        session.set_tokens(&Input::from(&[3, 14, 15, 9, 26, 5][..]), &control).await.expect("runs");
        session.last_logits().to_vec()
    })
}

/// Takes a field away.
fn take(config: &mut Value, field: &str) -> Value {
    config.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_default()
}

#[test]
fn rotary_positions() {
    for name in ["llama", "mistral", "qwen2", "qwen3", "gemma", "llama_linear_rope", "llama3_rope"]
    {
        let old = logits(name, |config| {
            let mut scaling = take(config, "rope_parameters");
            config["rope_theta"] = take(&mut scaling, "rope_theta");
            // Early configurations say "type".
            let kind = take(&mut scaling, "rope_type");
            if kind != "default" {
                scaling["type"] = kind;
                config["rope_scaling"] = scaling;
            }
        });
        assert_eq!(old, logits(name, |_| ()), "{name}");
        let other = logits(name, |config| config["rope_parameters"]["rope_theta"] = json!(77.0));
        assert_ne!(old, other, "{name}");
    }
}

#[test]
fn partly_rotary_positions() {
    for (name, theta, part) in [
        ("gpt_neox", "rotary_emb_base", "rotary_pct"),
        ("gpt_neox_sequential", "rotary_emb_base", "rotary_pct"),
        ("phi", "rope_theta", "partial_rotary_factor"),
    ] {
        let old = logits(name, |config| {
            let mut scaling = take(config, "rope_parameters");
            config[theta] = take(&mut scaling, "rope_theta");
            config[part] = take(&mut scaling, "partial_rotary_factor");
            config["rope_scaling"] = scaling;
        });
        assert_eq!(old, logits(name, |_| ()), "{name}");
        let other = |config: &mut Value| {
            config["rope_parameters"]["partial_rotary_factor"] = json!(0.34);
        };
        assert_ne!(old, logits(name, other), "{name}");
    }
}

#[test]
fn windows() {
    let sliding = logits("qwen2_sliding", |config| {
        take(config, "layer_types");
        config["max_window_layers"] = json!(1);
    });
    assert_eq!(sliding, logits("qwen2_sliding", |_| ()));
    let full = logits("qwen2_sliding", |config| config["use_sliding_window"] = json!(false));
    assert_ne!(sliding, full);
    let neo = logits("gpt_neo", |config| drop(take(config, "attention_layers")));
    assert_eq!(neo, logits("gpt_neo", |_| ()));
}
