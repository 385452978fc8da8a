//! Gemma (Gemma Team 2024, arXiv 2403.08295): Llama with embeddings times √d_model, wide heads, a
//! GELU-gated MLP. transformers stores gains less one; llama.cpp's converter adds it.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::llama::ROWS;
use super::names::Names;
use super::sizes::{GGUF_RMS, HUB_LLAMA};
use super::{ArchEntry, Blueprint, Description, NormKind};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gemma",
    model_types: &["gemma"],
    gguf_names: &["gemma"],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &HUB_LLAMA, &GGUF_RMS)?;
    description.expect_flags(&[("use_bidirectional_attention", false)])?;
    spec.norm = NormKind::RmsNorm;
    spec.gated_mlp = true;
    // "gelu" of early configurations means the approximation: all weights were trained with it.
    let field = if config.has("hidden_activation") { "hidden_activation" } else { "hidden_act" };
    spec.activation = match description.activation(field, Activation::GeluTanh)? {
        Activation::GeluErf if field == "hidden_act" => Activation::GeluTanh,
        other => other,
    };
    spec.embed_scale = (spec.d_model as f32).sqrt();
    spec.tied = description.is_tied(true)?;
    let (positions, factors) = description.rotary(spec.d_head, 1.0, RopePairs::Halves)?;
    spec.positions = positions;
    let has_bias = config.flag_or("attention_bias", false)?;
    let biases: &[&str] = if has_bias { &["attn"] } else { &[] };
    let names = Names { biases, gains_less_one: true, ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
