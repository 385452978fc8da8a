//! Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv 2407.10671): Llama with biases on queries, keys and
//! values, and perhaps a sliding window in the later layers.

use super::llama::{ROWS, kin};
use super::names::Names;
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "qwen2",
    model_types: &["qwen2"],
    gguf_names: &["qwen2"],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

/// The windows of the layers, where the configuration uses them.
pub(super) fn windows(
    description: &Description<'_>,
    n_layers: usize,
) -> Result<Vec<usize>, ModelError> {
    let config = description.config;
    if config.is_gguf() || !config.flag_or("use_sliding_window", false)? {
        return Ok(Vec::new());
    }
    let first = config.opt_index("max_window_layers")?.unwrap_or(28);
    description.windows("sliding_window", n_layers, |layer| layer >= first)
}

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let (mut spec, factors) = kin(ENTRY.name, description, false)?;
    spec.windows = windows(description, spec.n_layers)?;
    let biases = &["attn.Q", "attn.K", "attn.V"];
    let names = Names { biases, ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
