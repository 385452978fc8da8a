//! Configurations and weights that do not fit: refused by the name of the field or tensor, never
//! guessed, and nothing is lost by it.

use pollster::block_on;
use serde_json::{Value, json};
use vitrine_kernels::Control;
use vitrine_models::weights::{Checkpoint, FileDType};
use vitrine_models::{ARCHITECTURES, Model, ModelError};
use vitrine_tests::edited::{Tensor, edited};
use vitrine_tests::golden::cpu;

/// What loading a tiny checkpoint says after `edit` of its configuration and weights.
fn message(
    name: &str,
    edit_config: impl FnOnce(&mut Value),
    edit_weights: impl FnOnce(&mut Vec<Tensor>),
) -> Result<(), String> {
    let (files, mut engine) = (edited(name, edit_config, edit_weights), cpu());
    let loaded: Result<Model, ModelError> = block_on(async {
        let checkpoint = Checkpoint::open(files).await?;
        Model::load(&mut engine, &checkpoint, &Control::default(), &mut |_| ()).await
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
    let all: Vec<_> = ARCHITECTURES.iter().flat_map(|entry| entry.model_types).copied().collect();
    refused("gpt2", "model_type", json!("mamba"), &[&["model_type", "mamba"], &all[..]].concat());
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
    for name in ["llama", "mistral", "qwen2", "qwen3", "gemma", "phi", "gpt_neox"] {
        let words = ["rope_parameters.rope_type", "yarn", "llama3"];
        refused(name, "rope_parameters", yarn.clone(), &words);
    }
}

#[test]
fn what_only_some_architectures_know_is_named_too() {
    for (name, field, value) in [
        ("openai_gpt", "afn", json!("mish")),
        ("gpt_neo", "attention_types", json!([[["global", "banded", "local"], 1]])),
        ("gpt_neo", "attention_types", json!([[["global"], 2]])),
        ("gpt_neo", "attention_types", json!("local")),
        ("gptj", "rotary_dim", json!(5)),
        ("gptj", "rotary_dim", json!(60)),
        ("opt", "_remove_final_layer_norm", json!(true)),
        ("opt", "layer_norm_elementwise_affine", json!(false)),
        ("bloom", "apply_residual_connection_post_layernorm", json!(true)),
        ("mistral", "layer_types", json!(["full_attention", "chunked_attention"])),
        ("mistral", "sliding_window", json!(0)),
        ("qwen3", "head_dim", Value::Null),
        ("gemma", "hidden_act", json!("mish")),
        ("phi", "qk_layernorm", json!(true)),
        ("stablelm", "qk_layernorm", json!(true)),
        ("roberta", "pad_token_id", json!(40)),
        ("distilbert", "activation", json!("mish")),
        ("electra", "position_embedding_type", json!("relative_key_query")),
        ("esm2", "position_embedding_type", json!("relative_key")),
        ("esm2", "is_folding_model", json!(true)),
        ("esm2", "mask_token_id", Value::Null),
    ] {
        let known = if field == "attention_types" { "attention_" } else { field };
        let known = if field == "pad_token_id" { "max_position_embeddings" } else { known };
        let edit = |config: &mut Value| {
            config["attention_layers"] = Value::Null;
            config[field] = value.clone();
        };
        let said = message(name, edit, |_| ()).expect_err(field);
        assert!(said.contains(known), "{name} {field}: {said}");
    }
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
            let name = "model.layers.0.self_attn.q_proj.bias".to_owned();
            tensors.push((name, FileDType::F32, vec![40], vec![0; 160]));
        },
    );
    assert!(said.expect_err("a bias").contains("q_proj.bias"));
    let said = message(
        "gpt2",
        |_| (),
        |tensors| {
            let name = "wte.weight".to_owned();
            tensors.push((name, FileDType::F32, vec![61, 36], vec![0; 61 * 36 * 4]));
        },
    );
    assert!(said.expect_err("twice").contains("twice"));
}

#[test]
fn prefixes_are_optional_and_other_tasks_heads_are_left_aside() {
    let without = |prefix: &'static str| {
        move |tensors: &mut Vec<Tensor>| {
            for (name, ..) in tensors {
                *name = name.strip_prefix(prefix).unwrap_or(name).to_owned();
            }
        }
    };
    assert_eq!(message("gpt2", |_| (), without("transformer.")), Ok(()));
    assert_eq!(message("llama", |_| (), without("model.")), Ok(()));
    assert_eq!(message("bert", |_| (), without("bert.")), Ok(()));
    for (name, prefix) in [
        ("openai_gpt", "transformer."),
        ("gpt_neo", "transformer."),
        ("gptj", "transformer."),
        ("gpt_neox", "gpt_neox."),
        ("opt", "model."),
        ("opt", "model.decoder."),
        ("bloom", "transformer."),
        ("mistral", "model."),
        ("roberta", "roberta."),
        ("distilbert", "distilbert."),
        ("electra", "electra."),
        ("esm2", "esm."),
    ] {
        assert_eq!(message(name, |_| (), without(prefix)), Ok(()), "{name}");
    }
    let said = message(
        "bert_encoder",
        |_| (),
        |tensors| {
            let name = "qa_outputs.weight".to_owned();
            tensors.push((name, FileDType::F32, vec![2, 36], vec![0; 288]));
        },
    );
    assert_eq!(said, Ok(()));
}
