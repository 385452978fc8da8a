//! RoBERTa (Liu et al. 2019, arXiv 1907.11692), and XLM-R and CamemBERT, which have its shape:
//! BERT whose positions count the tokens that are no padding, from the row after the padding's.

use super::bert::{ROWS, kin};
use super::names::{Names, Row};
use super::sizes::HUB;
use super::{ArchEntry, Blueprint, Counted, Description, ModelSpec, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "roberta",
    model_types: &["roberta", "xlm-roberta", "camembert"],
    gguf_names: &[],
    prefixes: &["roberta."],
    ignored: &[
        "embeddings.position_ids",
        "embeddings.token_type_ids",
        "classifier.*",
        "qa_outputs.*",
    ],
    build,
};

const HEAD: &[Row] = &[
    ["mlm_head.transform", "lm_head.dense", ""],
    ["mlm_head.ln", "lm_head.layer_norm", ""],
    ["unembed.W_U", "lm_head.decoder", ""],
    ["unembed.b_U", "lm_head.bias|lm_head.decoder.bias", ""],
];

/// Positions that leave padding out: the rows up to the padding's own are not for text.
pub(super) fn count_past_padding(
    description: &Description<'_>,
    spec: &mut ModelSpec,
) -> Result<(), ModelError> {
    let config = description.config;
    let pad = config.opt_index("pad_token_id")?.unwrap_or(1);
    if spec.n_ctx <= pad + 1 {
        let problem = format!("is {}, which leaves no row after padding's {pad}", spec.n_ctx);
        return Err(config.refusal("max_position_embeddings", problem));
    }
    spec.n_ctx -= pad + 1;
    spec.positions = Positions::Learned { offset: pad + 1, counted: Counted::Except(pad as u32) };
    Ok(())
}

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let mut spec = kin(ENTRY.name, description, &HUB, "lm_head.dense.weight")?;
    spec.activation = description.activation("hidden_act", spec.activation)?;
    count_past_padding(description, &mut spec)?;
    let rows = [ROWS, HEAD].concat();
    let names = Names { rows: &rows, ..Names::new(&[], "encoder.layer.") };
    Ok(Blueprint::new(spec, &names, description))
}
