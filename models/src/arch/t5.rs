//! T5 (Raffel et al. 2019, arXiv 1910.10683) and what shares its form: v1.1, Flan-T5, UL2, mT5,
//! ProtT5, whole or the encoder alone.
//!
//! Pre-LN blocks with RMSNorm and no biases; products of queries and keys are not scaled, but
//! shifted by a learned number for each bucket of distances, the same in all layers of a stack. The
//! first form has a ReLU MLP and ties the unembedding, scaled by 1/√d_model; v1.1 has a gated GELU
//! and an unembedding of its own.

use vitrine_kernels::ops::activation::Activation;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description, ModelSpec, NormKind, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "t5",
    model_types: &["t5", "mt5"],
    gguf_names: &[],
    prefixes: &["transformer."],
    // A bias that early checkpoints hold and nothing reads.
    ignored: &["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"],
    build,
};

const ENCODER: Fields = Fields {
    n_layers: "num_layers",
    d_model: "d_model",
    n_heads: "num_heads",
    d_head: "d_kv",
    d_mlp: "d_ff",
    n_ctx: "",
    norm_eps: "layer_norm_epsilon",
    default_eps: 1e-6,
    embedding: "shared.weight",
    ..HUB
};
const DECODER: Fields = Fields { n_layers: "num_decoder_layers|num_layers", ..ENCODER };

/// No table limits the length; this is four times what the models were trained on.
const N_CTX: usize = 2048;

const ENCODER_ROWS: &[Row] = &[
    ["rel_pos.W_bias", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias", ""],
    ["ln1", "layer.0.layer_norm", ""],
    ["attn.Q", "layer.0.SelfAttention.q", ""],
    ["attn.K", "layer.0.SelfAttention.k", ""],
    ["attn.V", "layer.0.SelfAttention.v", ""],
    ["attn.O", "layer.0.SelfAttention.o", ""],
    ["ln2", "layer.1.layer_norm", ""],
    ["mlp.gate", "layer.1.DenseReluDense.wi_0", ""],
    ["mlp.in", "layer.1.DenseReluDense.wi|layer.1.DenseReluDense.wi_1", ""],
    ["mlp.out", "layer.1.DenseReluDense.wo", ""],
    ["ln_final", "encoder.final_layer_norm", ""],
];

const DECODER_ROWS: &[Row] = &[
    EMBEDDING,
    ["rel_pos.W_bias", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias", ""],
    ["ln1", "layer.0.layer_norm", ""],
    ["attn.Q", "layer.0.SelfAttention.q", ""],
    ["attn.K", "layer.0.SelfAttention.k", ""],
    ["attn.V", "layer.0.SelfAttention.v", ""],
    ["attn.O", "layer.0.SelfAttention.o", ""],
    ["ln2", "layer.1.layer_norm", ""],
    ["cross_attn.Q", "layer.1.EncDecAttention.q", ""],
    ["cross_attn.K", "layer.1.EncDecAttention.k", ""],
    ["cross_attn.V", "layer.1.EncDecAttention.v", ""],
    ["cross_attn.O", "layer.1.EncDecAttention.o", ""],
    ["ln3", "layer.2.layer_norm", ""],
    ["mlp.gate", "layer.2.DenseReluDense.wi_0", ""],
    ["mlp.in", "layer.2.DenseReluDense.wi|layer.2.DenseReluDense.wi_1", ""],
    ["mlp.out", "layer.2.DenseReluDense.wo", ""],
    ["ln_final", "decoder.final_layer_norm", ""],
    ["unembed.W_U", "lm_head", ""],
];

const EMBEDDING: Row = ["embed.W_E", "shared|encoder.embed_tokens|decoder.embed_tokens", ""];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let names = |rows, layers| Names { biases: &[], ..Names::new(rows, layers) };
    let encoder_names = names(ENCODER_ROWS, "encoder.block.");
    let mut encoder = stack(description, &ENCODER)?;
    encoder.causal = false;
    if !description.has("decoder.final_layer_norm.weight") {
        encoder.has_logits = false;
        let rows = [&[EMBEDDING], ENCODER_ROWS].concat();
        let names = Names { rows: &rows, ..encoder_names };
        return Ok(Blueprint::new(encoder, &names, description));
    }
    let config = description.config;
    let mut decoder = stack(description, &DECODER)?;
    // transformers 5 says whether the rows are scaled and ties what the file does not hold;
    // transformers 4 ties and scales, or does neither.
    let ties = config.flag_or("tie_word_embeddings", true)?;
    decoder.tied = ties && !(config.has(SCALES) && description.has("lm_head.weight"));
    if config.flag_or(SCALES, ties)? {
        decoder.unembed_scale = 1.0 / (decoder.d_model as f32).sqrt();
    }
    let start = config.opt_index("decoder_start_token_id")?.or(config.opt_index("pad_token_id")?);
    decoder.decoder_start = start.map(|id| id as u32);
    let decoder_names = names(DECODER_ROWS, "decoder.block.");
    let spec = decoder.with_encoder(encoder);
    Ok(Blueprint::pair(spec, [&encoder_names, &decoder_names], description))
}

const SCALES: &str = "scale_decoder_outputs";

fn stack(description: &Description<'_>, fields: &Fields) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, fields, &GGUF)?;
    spec.n_ctx = N_CTX;
    spec.norm = NormKind::RmsNorm;
    spec.attn_scale = 1.0;
    let n_buckets = config.opt_count("relative_attention_num_buckets")?.unwrap_or(32);
    let max_distance = config.opt_count("relative_attention_max_distance")?.unwrap_or(128);
    // Both ways, a quarter of the buckets are exact.
    let n_exact = n_buckets / 4;
    if n_exact == 0 || n_buckets % 2 == 1 || max_distance <= n_buckets || max_distance > 1 << 12 {
        let problem = format!("is {n_buckets} with relative_attention_max_distance {max_distance}");
        return Err(config.refusal("relative_attention_num_buckets", problem));
    }
    spec.positions = Positions::Buckets { n_buckets, max_distance };
    let (gated_mlp, activation) = match config.opt_text("feed_forward_proj")? {
        None => (false, Activation::Relu),
        Some(_) => config.choice("feed_forward_proj", MLPS)?,
    };
    (spec.gated_mlp, spec.activation) = (gated_mlp, activation);
    Ok(spec)
}

/// Kinds of MLP: whether gated, and its activation ("gated-gelu" means the approximation).
const MLPS: &[(&str, (bool, Activation))] = &[
    ("relu", (false, Activation::Relu)),
    ("gelu", (false, Activation::GeluErf)),
    ("silu", (false, Activation::Silu)),
    ("gated-relu", (true, Activation::Relu)),
    ("gated-gelu", (true, Activation::GeluTanh)),
    ("gated-silu", (true, Activation::Silu)),
];
