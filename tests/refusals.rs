//! Configurations and weights that do not fit: refused by the name of the field or tensor, never
//! guessed, and nothing is lost by it.

use pollster::block_on;
use serde_json::{Value, json};
use vitrine_kernels::Control;
use vitrine_models::weights::safetensors::{TensorView, write};
use vitrine_models::weights::{Checkpoint, FileDType, MemorySource};
use vitrine_models::{Model, ModelError};
use vitrine_tests::golden::{cpu, root};

/// What loading a tiny checkpoint says after `edit` of its configuration and weights.
fn message(
    name: &str,
    edit_config: impl FnOnce(&mut Value),
    edit_weights: impl FnOnce(&mut Vec<(String, Vec<usize>, Vec<u8>)>),
) -> Result<(), String> {
    let folder = root().join("tests/golden").join(name);
    let config = std::fs::read(folder.join("config.json")).expect("a config");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    edit_config(&mut config);
    let bytes = std::fs::read(folder.join("model.safetensors")).expect("weights");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut tensors: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    edit_weights(&mut tensors);
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, shape, bytes)| TensorView { name, dtype: FileDType::F32, shape, bytes })
        .collect();
    let mut weights = Vec::new();
    write(&mut weights, &views, &Default::default()).expect("a file");
    let files = vec![
        MemorySource::new("config.json", config.to_string().into_bytes()),
        MemorySource::new("model.safetensors", weights),
    ];
    let loaded: Result<Model, ModelError> = block_on(async {
        let checkpoint = Checkpoint::open(files).await?;
        Model::load(&mut cpu(), &checkpoint, &Control::default(), &mut |_| ()).await
    });
    loaded.map(|_| ()).map_err(|err| err.to_string())
}

fn refused(name: &str, field: &str, value: Value, words: &[&str]) {
    let said = message(name, |config| config[field] = value, |_| ()).expect_err(field);
    for word in words {
        assert!(said.contains(word), "{field}: {said}");
    }
}

#[test]
fn what_is_unknown_or_impossible_is_named() {
    assert_eq!(message("gpt2", |_| (), |_| ()), Ok(()));
    refused(
        "gpt2",
        "model_type",
        json!("mamba"),
        &["model_type", "mamba", "gpt2", "llama", "bert"],
    );
    refused(
        "gpt2",
        "activation_function",
        json!("mish"),
        &["activation_function", "mish", "gelu_new"],
    );
    refused("gpt2", "n_head", json!(5), &["n_embd", "36", "n_head", "5"]);
    refused("gpt2", "n_head", json!(0), &["n_head", "0"]);
    refused("gpt2", "n_layer", json!("three"), &["n_layer", "three"]);
    refused("gpt2", "n_layer", Value::Null, &["n_layer", "missing"]);
    refused("gpt2", "layer_norm_epsilon", json!(-1.0), &["layer_norm_epsilon", "-1"]);
    refused(
        "gpt2",
        "scale_attn_by_inverse_layer_idx",
        json!(true),
        &["scale_attn_by_inverse_layer_idx"],
    );
    refused("gpt2", "add_cross_attention", json!(true), &["add_cross_attention"]);
    refused(
        "bert",
        "position_embedding_type",
        json!("relative_key"),
        &["relative_key", "absolute"],
    );
    refused("bert", "is_decoder", json!(true), &["is_decoder"]);
    refused("bert", "hidden_act", json!("glu"), &["hidden_act", "glu"]);
    refused("llama", "hidden_act", json!("gelu"), &["hidden_act", "gelu", "silu"]);
    refused(
        "llama",
        "num_key_value_heads",
        json!(2),
        &["num_attention_heads", "num_key_value_heads"],
    );
    refused("llama", "rms_norm_eps", Value::Null, &["rms_norm_eps", "missing"]);
    let yarn = json!({"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0});
    refused("llama", "rope_parameters", yarn, &["rope_parameters.rope_type", "yarn", "llama3"]);
}

#[test]
fn weights_that_do_not_fit_are_listed_ten_at_most() {
    let said = message("gpt2", |config| config["n_layer"] = json!(5), |_| ()).expect_err("few");
    assert!(said.contains("h.3.attn.c_attn.weight") && said.contains("and "), "{said}");
    assert_eq!(said.lines().count(), 12, "{said}");
    let said = message("gpt2", |config| config["n_layer"] = json!(2), |_| ()).expect_err("many");
    assert!(said.contains("h.2.") && said.contains("no place"), "{said}");
    let said =
        message("gpt2", |config| config["vocab_size"] = json!(60), |_| ()).expect_err("rows");
    assert!(said.contains("wte.weight: expected [60, 36], found [61, 36]"), "{said}");
    let said = message(
        "bert",
        |_| (),
        |tensors| {
            tensors.retain(|(name, ..)| name != "bert.encoder.layer.1.output.LayerNorm.bias");
        },
    );
    assert!(said.expect_err("gone").contains("encoder.layer.1.output.LayerNorm.bias"));
    let said = message(
        "llama",
        |_| (),
        |tensors| {
            tensors.push((
                "model.layers.0.self_attn.q_proj.bias".to_owned(),
                vec![40],
                vec![0; 160],
            ));
        },
    );
    assert!(said.expect_err("a bias").contains("q_proj.bias"));
    let said = message(
        "gpt2",
        |_| (),
        |tensors| {
            tensors.push(("wte.weight".to_owned(), vec![61, 36], vec![0; 61 * 36 * 4]));
        },
    );
    assert!(said.expect_err("twice").contains("twice"));
}

#[test]
fn prefixes_are_optional_and_other_tasks_heads_are_left_aside() {
    let without = |prefix: &'static str| {
        move |tensors: &mut Vec<(String, Vec<usize>, Vec<u8>)>| {
            for (name, ..) in tensors {
                *name = name.strip_prefix(prefix).unwrap_or(name).to_owned();
            }
        }
    };
    assert_eq!(message("gpt2", |_| (), without("transformer.")), Ok(()));
    assert_eq!(message("llama", |_| (), without("model.")), Ok(()));
    assert_eq!(message("bert", |_| (), without("bert.")), Ok(()));
    let said = message(
        "bert_encoder",
        |_| (),
        |tensors| {
            tensors.push(("qa_outputs.weight".to_owned(), vec![2, 36], vec![0; 288]));
        },
    );
    assert_eq!(said, Ok(()));
}
