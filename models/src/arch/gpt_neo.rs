//! GPT-Neo (Black et al. 2021): GPT-2's blocks, in which global layers alternate with local ones
//! that see a window, as GPT-3's dense and banded layers do (Brown et al. 2020).
//!
//! Products of queries and keys are not scaled.

use serde_json::Value;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gpt_neo",
    model_types: &["gpt_neo"],
    gguf_names: &[],
    prefixes: &["transformer."],
    ignored: &["*.attention.bias", "*.attention.masked_bias"],
    build,
};

const FIELDS: Fields = Fields {
    n_layers: "num_layers",
    n_heads: "num_heads",
    norm_eps: "layer_norm_epsilon",
    default_eps: 1e-5,
    ..HUB
};

const ROWS: &[Row] = &[
    ["embed.W_E", "wte", ""],
    ["pos_embed.W_pos", "wpe", ""],
    ["ln1", "ln_1", ""],
    ["attn.Q", "attn.attention.q_proj", ""],
    ["attn.K", "attn.attention.k_proj", ""],
    ["attn.V", "attn.attention.v_proj", ""],
    ["attn.O", "attn.attention.out_proj", ""],
    ["ln2", "ln_2", ""],
    ["mlp.in", "mlp.c_fc", ""],
    ["mlp.out", "mlp.c_proj", ""],
    ["ln_final", "ln_f", ""],
    ["unembed.W_U", "lm_head", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    spec.attn_scale = 1.0;
    spec.activation = description.activation("activation_function", spec.activation)?;
    spec.tied = description.is_tied(true)?;
    let window = config.opt_count("window_size")?.unwrap_or(256);
    let kinds: Vec<Option<&str>> = match config.list("attention_layers")? {
        Some(kinds) => kinds.iter().map(Value::as_str).collect(),
        // [[[kind, …], times], …]
        None => config
            .list("attention_types")?
            .ok_or_else(|| config.refusal("attention_types", "is missing"))?
            .iter()
            .flat_map(|group| {
                let kinds = group.get(0).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let n_times = group.get(1).and_then(Value::as_u64).unwrap_or(0).min(1024) as usize;
                kinds.iter().map(Value::as_str).cycle().take(kinds.len() * n_times)
            })
            .collect(),
    };
    let choices = [("global", 0), ("local", window)];
    spec.windows = description.windows_of("attention_types", &kinds, spec.n_layers, &choices)?;
    let biases = &["attn.O", "mlp", "ln"];
    Ok(Blueprint::new(spec, &Names { biases, ..Names::new(ROWS, "h.") }, description))
}
