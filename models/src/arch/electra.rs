//! ELECTRA (Clark et al. 2020, arXiv 2003.10555): BERT whose embeddings may be narrower than the
//! residual stream. A generator fills masks; a discriminator has a score for each token, by which it
//! says whether the token was put in the place of another.

use super::bert::{ROWS, kin};
use super::names::{Names, Row};
use super::sizes::HUB;
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "electra",
    model_types: &["electra"],
    gguf_names: &[],
    prefixes: &["electra."],
    ignored: &[
        "embeddings.position_ids",
        "embeddings.token_type_ids",
        "classifier.*",
        "qa_outputs.*",
    ],
    build,
};

const HEAD: &[Row] = &[
    ["mlm_head.transform", "generator_predictions.dense", ""],
    ["mlm_head.ln", "generator_predictions.LayerNorm", ""],
    ["unembed.W_U", "generator_lm_head", ""],
    ["unembed.b_U", "generator_lm_head.bias", ""],
    ["replaced_head.transform", "discriminator_predictions.dense", ""],
    ["replaced_head.score", "discriminator_predictions.dense_prediction", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let mut spec = kin(ENTRY.name, description, &HUB, "generator_predictions.dense.weight")?;
    spec.activation = description.activation("hidden_act", spec.activation)?;
    spec.d_table = description.config.opt_count("embedding_size")?.unwrap_or(spec.d_model);
    spec.d_embed = spec.d_table;
    spec.has_replaced = description.has("discriminator_predictions.dense.weight");
    let rows = [ROWS, HEAD].concat();
    let names = Names { rows: &rows, ..Names::new(&[], "encoder.layer.") };
    Ok(Blueprint::new(spec, &names, description))
}
