//! GPT-NeoX (Black et al. 2022, arXiv 2204.06745), and Pythia, which has its shape.
//!
//! Attention and MLP side by side (or one after the other: `use_parallel_residual`), each behind
//! its own norm; rotary positions on a quarter of each head. Queries, keys and values are fused
//! head by head; llama.cpp's converter puts them one after the other.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gpt_neox",
    model_types: &["gpt_neox"],
    gguf_names: &["gptneox"],
    prefixes: &["gpt_neox."],
    ignored: &["*.attention.bias", "*.attention.masked_bias", "*.rotary_emb.inv_freq"],
    build,
};

const ROWS: &[Row] = &[
    ["embed.W_E", "embed_in", "token_embd"],
    ["ln1", "input_layernorm", "attn_norm"],
    ["attn.Q", "attention.query_key_value", "attn_qkv"],
    ["attn.K", "attention.query_key_value", "attn_qkv"],
    ["attn.V", "attention.query_key_value", "attn_qkv"],
    ["attn.O", "attention.dense", "attn_output"],
    ["ln2", "post_attention_layernorm", "ffn_norm"],
    ["mlp.in", "mlp.dense_h_to_4h", "ffn_up"],
    ["mlp.out", "mlp.dense_4h_to_h", "ffn_down"],
    ["ln_final", "final_layer_norm", "output_norm"],
    ["unembed.W_U", "embed_out|lm_head", "output"],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &Fields { default_eps: 1e-5, ..HUB }, &GGUF)?;
    spec.parallel = config.flag_or("use_parallel_residual", true)?;
    spec.activation = description.activation("hidden_act", Activation::GeluErf)?;
    spec.tied = description.is_tied(false)?;
    let (positions, factors) = description.rotary(spec.d_head, 0.25, RopePairs::Halves)?;
    spec.positions = positions;
    let has_attention_bias = config.flag_or("attention_bias", true)?;
    let biases: &[&str] = if has_attention_bias { &[""] } else { &["mlp", "ln"] };
    let names = Names { biases, by_head: true, ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
