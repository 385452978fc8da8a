//! ESM-2 (Lin et al. 2022) and ESM-1b (Rives et al. 2021): encoders of protein sequences.
//!
//! Pre-norm blocks with LayerNorm and a norm at the end; rotary positions (ESM-2) or learned ones
//! that leave padding out (ESM-1b, which also norms its embeddings). The mask token's embedding is
//! zero, and the others make up for it, as dropout does.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::roberta::count_past_padding;
use super::sizes::{GGUF, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "esm",
    model_types: &["esm"],
    gguf_names: &[],
    prefixes: &["esm."],
    ignored: &[
        "embeddings.position_ids",
        "*.rotary_embeddings.inv_freq",
        "contact_head.*",
        "classifier.*",
    ],
    build,
};

const ROWS: &[Row] = &[
    ["embed.W_E", "embeddings.word_embeddings", ""],
    ["pos_embed.W_pos", "embeddings.position_embeddings", ""],
    ["embed.ln", "embeddings.layer_norm", ""],
    ["ln1", "attention.LayerNorm", ""],
    ["attn.Q", "attention.self.query", ""],
    ["attn.K", "attention.self.key", ""],
    ["attn.V", "attention.self.value", ""],
    ["attn.O", "attention.output.dense", ""],
    ["ln2", "LayerNorm", ""],
    ["mlp.in", "intermediate.dense", ""],
    ["mlp.out", "output.dense", ""],
    ["ln_final", "encoder.emb_layer_norm_after", ""],
    ["pooler.pool", "pooler.dense", ""],
    ["mlm_head.transform", "lm_head.dense", ""],
    ["mlm_head.ln", "lm_head.layer_norm", ""],
    ["unembed.W_U", "lm_head.decoder", ""],
    ["unembed.b_U", "lm_head.bias", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &HUB, &GGUF)?;
    description.expect_flags(&[
        ("is_folding_model", false),
        ("is_decoder", false),
        ("add_cross_attention", false),
    ])?;
    spec.causal = false;
    spec.activation = Activation::GeluErf;
    spec.embed_norm = config.flag_or("emb_layer_norm_before", false)?;
    if config.flag_or("token_dropout", false)? {
        let mask = config.opt_index("mask_token_id")?;
        let mask = mask.ok_or_else(|| config.refusal("mask_token_id", "is missing"))?;
        spec.token_dropout = Some(mask as u32);
    }
    let mut factors = None;
    let choices = [("rotary", true), ("absolute", false)];
    let is_rotary = config.has("position_embedding_type")
        && config.choice("position_embedding_type", &choices)?;
    if is_rotary {
        (spec.positions, factors) = description.rotary(spec.d_head, 1.0, RopePairs::Halves)?;
    } else {
        count_past_padding(description, &mut spec)?;
    }
    spec.has_logits = description.has("lm_head.dense.weight");
    spec.has_pooler = description.has("pooler.dense.weight");
    spec.tied = description.is_tied(true)?;
    let names = Names::new(ROWS, "encoder.layer.");
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
