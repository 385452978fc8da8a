//! BERT (Devlin et al. 2018, arXiv 1810.04805), and models of its shape: sentence encoders
//! (MiniLM), ProtBert, which reads amino acids.
//!
//! Post-norm blocks with LayerNorm, learned positions and segments, attention in both directions,
//! a GELU MLP; heads where the checkpoint has them: masked words, pooler, next sentence.

use vitrine_kernels::ops::activation::Activation;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description, ModelSpec, NormPosition};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "bert",
    model_types: &["bert"],
    gguf_names: &["bert"],
    prefixes: &["bert."],
    ignored: IGNORED,
    build,
};

/// Tables that follow from the configuration, and heads of other tasks.
const IGNORED: &[&str] = &[
    "embeddings.position_ids",
    "embeddings.token_type_ids",
    "cls.predictions.bias",
    "cls.predictions.decoder.bias",
    "cls.seq_relationship.*",
    "classifier.*",
    "qa_outputs.*",
    "dropout.*",
];

/// The names that BERT's kin share: embeddings and blocks.
pub(super) const ROWS: &[Row] = &[
    ["embed.W_E", "embeddings.word_embeddings", "token_embd"],
    ["pos_embed.W_pos", "embeddings.position_embeddings", "position_embd"],
    ["token_type_embed.W_token_type", "embeddings.token_type_embeddings", "token_types"],
    ["embed.ln", "embeddings.LayerNorm", "token_embd_norm"],
    ["embed.proj", "embeddings_project", ""],
    ["attn.Q", "attention.self.query", "attn_q"],
    ["attn.K", "attention.self.key", "attn_k"],
    ["attn.V", "attention.self.value", "attn_v"],
    ["attn.O", "attention.output.dense", "attn_output"],
    ["ln1", "attention.output.LayerNorm", "attn_output_norm"],
    ["mlp.in", "intermediate.dense", "ffn_up"],
    ["mlp.out", "output.dense", "ffn_down"],
    ["ln2", "output.LayerNorm", "layer_output_norm"],
    ["pooler.pool", "pooler.dense", ""],
];

const HEAD: &[Row] = &[
    ["nsp_head.nsp", "cls.seq_relationship", ""],
    ["mlm_head.transform", "cls.predictions.transform.dense", ""],
    ["mlm_head.ln", "cls.predictions.transform.LayerNorm", ""],
    ["unembed.W_U", "cls.predictions.decoder", ""],
    ["unembed.b_U", "cls.predictions.bias|cls.predictions.decoder.bias", ""],
];

/// Sizes and kinds of BERT's kin. `transform` is the first matrix of the head over the vocabulary.
pub(super) fn kin(
    architecture: &'static str,
    description: &Description<'_>,
    fields: &Fields,
    transform: &str,
) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(architecture, fields, &GGUF)?;
    if let Some(kind) =
        config.opt_text("position_embedding_type")?.filter(|kind| *kind != "absolute")
    {
        let problem = format!("is {}; supported: absolute", crate::error::shown(kind));
        return Err(config.refusal("position_embedding_type", problem));
    }
    for field in ["is_decoder", "add_cross_attention"] {
        if config.flag_or(field, false)? {
            return Err(config.refusal(field, "is true; only encoders are supported"));
        }
    }
    spec.norm_position = NormPosition::Post;
    spec.embed_norm = true;
    spec.causal = false;
    spec.activation = Activation::GeluErf;
    spec.n_token_types = match config.is_gguf() {
        true => description.axis("token_types.weight", 0).unwrap_or(0),
        false => config.opt_count("type_vocab_size")?.unwrap_or(2),
    };
    spec.has_logits = description.has(transform);
    spec.tied = config.flag_or("tie_word_embeddings", true)?;
    spec.has_pooler = description.has("pooler.dense.weight");
    Ok(spec)
}

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    const TRANSFORM: &str = "cls.predictions.transform.dense.weight";
    let mut spec = kin(ENTRY.name, description, &HUB, TRANSFORM)?;
    spec.activation = description.activation("hidden_act", spec.activation)?;
    spec.head_activation = spec.activation;
    spec.has_nsp = spec.has_pooler && description.has("cls.seq_relationship.weight");
    let rows = [ROWS, HEAD].concat();
    let names = Names { rows: &rows, ..Names::new(&[], "encoder.layer.") };
    Ok(Blueprint::new(spec, &names, description))
}
