//! Mistral 7B (Jiang et al. 2023, arXiv 2310.06825): Llama whose layers see a sliding window. In
//! GGUF it comes under Llama's name.

use super::llama::{ROWS, kin};
use super::names::Names;
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "mistral",
    model_types: &["mistral"],
    gguf_names: &[],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let (mut spec, factors) = kin(ENTRY.name, description, false)?;
    spec.windows = description.windows("sliding_window", spec.n_layers, |_| true)?;
    let names = Names { biases: &[], ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
