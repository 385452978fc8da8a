//! BLOOM and BLOOMZ (Le Scao et al. 2022, arXiv 2211.05100): no positions but a cost of distance
//! on the scores (ALiBi), a LayerNorm over the embeddings. Queries, keys and values are fused head
//! by head; llama.cpp's converter puts them one after the other.

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB_GPT2};
use super::{ArchEntry, Blueprint, Description, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "bloom",
    model_types: &["bloom"],
    gguf_names: &["bloom"],
    prefixes: &["transformer."],
    ignored: &[],
    build,
};

const FIELDS: Fields = Fields { d_model: "hidden_size|n_embed", d_mlp: "", n_ctx: "", ..HUB_GPT2 };

const ROWS: &[Row] = &[
    ["embed.W_E", "word_embeddings", "token_embd"],
    ["embed.ln", "word_embeddings_layernorm", "token_embd_norm"],
    ["ln1", "input_layernorm", "attn_norm"],
    ["attn.Q", "self_attention.query_key_value", "attn_qkv"],
    ["attn.K", "self_attention.query_key_value", "attn_qkv"],
    ["attn.V", "self_attention.query_key_value", "attn_qkv"],
    ["attn.O", "self_attention.dense", "attn_output"],
    ["ln2", "post_attention_layernorm", "ffn_norm"],
    ["mlp.in", "mlp.dense_h_to_4h", "ffn_up"],
    ["mlp.out", "mlp.dense_4h_to_h", "ffn_down"],
    ["ln_final", "ln_f", "output_norm"],
    ["unembed.W_U", "lm_head", "output"],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    description.expect_flags(&[("apply_residual_connection_post_layernorm", false)])?;
    if !config.is_gguf() {
        // The length of the training texts: nothing in the model ends there.
        spec.n_ctx = config.opt_count("seq_length")?.unwrap_or(2048);
    }
    spec.embed_norm = true;
    spec.embed_norm_first = true;
    spec.positions = Positions::Linear;
    spec.tied = description.is_tied(true)?;
    let names = Names { by_head: true, ..Names::new(ROWS, "h.") };
    Ok(Blueprint::new(spec, &names, description))
}
