//! Qwen3 (Yang et al. 2025, arXiv 2505.09388): Llama whose queries and keys are normed head by
//! head before they turn.

use super::llama::{ROWS, kin};
use super::names::Names;
use super::qwen2::windows;
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "qwen3",
    model_types: &["qwen3"],
    gguf_names: &["qwen3"],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let (mut spec, factors) = kin(ENTRY.name, description, false)?;
    if description.config.opt_count("head_dim")?.is_none() && !description.config.is_gguf() {
        return Err(description.config.refusal("head_dim", "is missing"));
    }
    spec.qk_norm = true;
    spec.windows = windows(description, spec.n_layers)?;
    let has_bias = description.config.flag_or("attention_bias", false)?;
    let biases: &[&str] = if has_bias { &["attn.Q", "attn.K", "attn.V", "attn.O"] } else { &[] };
    let names = Names { biases, ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
