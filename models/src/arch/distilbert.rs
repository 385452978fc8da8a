//! DistilBERT (Sanh et al. 2019, arXiv 1910.01108): BERT with half the layers, without segments
//! and pooler.

use super::bert::kin;
use super::names::{Names, Row};
use super::sizes::{Fields, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "distilbert",
    model_types: &["distilbert"],
    gguf_names: &[],
    prefixes: &["distilbert."],
    ignored: &["embeddings.position_ids", "pre_classifier.*", "classifier.*", "qa_outputs.*"],
    build,
};

const FIELDS: Fields = Fields {
    n_layers: "n_layers",
    d_model: "dim",
    n_heads: "n_heads",
    d_mlp: "hidden_dim",
    norm_eps: "",
    ..HUB
};

const ROWS: &[Row] = &[
    ["embed.W_E", "embeddings.word_embeddings", ""],
    ["pos_embed.W_pos", "embeddings.position_embeddings", ""],
    ["embed.ln", "embeddings.LayerNorm", ""],
    ["attn.Q", "attention.q_lin", ""],
    ["attn.K", "attention.k_lin", ""],
    ["attn.V", "attention.v_lin", ""],
    ["attn.O", "attention.out_lin", ""],
    ["ln1", "sa_layer_norm", ""],
    ["mlp.in", "ffn.lin1", ""],
    ["mlp.out", "ffn.lin2", ""],
    ["ln2", "output_layer_norm", ""],
    ["mlm_head.transform", "vocab_transform", ""],
    ["mlm_head.ln", "vocab_layer_norm", ""],
    ["unembed.W_U", "vocab_projector", ""],
    ["unembed.b_U", "vocab_projector.bias", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let mut spec = kin(ENTRY.name, description, &FIELDS, "vocab_transform.weight")?;
    spec.activation = description.activation("activation", spec.activation)?;
    spec.head_activation = spec.activation;
    spec.n_token_types = 0;
    Ok(Blueprint::new(spec, &Names::new(ROWS, "transformer.layer."), description))
}
