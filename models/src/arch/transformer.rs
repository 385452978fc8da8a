//! The Transformer as drawn (Vaswani et al. 2017, arXiv 1706.03762, figure 1): norms after the
//! sums and none at the end (or, `norm_first`, before the parts and one at the end of each stack), sinusoids in turns, one table for both texts and the output, times
//! √d_model where it embeds, no biases but those of `nn.Transformer`'s layers.
//!
//! The checkpoint is that of PyTorch's `nn.TransformerEncoder` and `nn.TransformerDecoder` without
//! their last norms (with them, `encoder.norm` and `decoder.norm`, where norms come first): `encoder.layers.{l}.self_attn.in_proj_weight` (queries, keys, values),
//! `.out_proj`, `linear1`, `linear2`, `norm1`, `norm2`, in the decoder `multihead_attn` and `norm3`
//! too, all perhaps behind `transformer.`; and `embedding.weight` `[vocab_size, d_model]`.
//! config.json has `"model_type": "transformer"`, `vocab_size`, `max_position_embeddings`,
//! `decoder_start_token_id`, and what `nn.Transformer` calls its sizes: `d_model`, `nhead`,
//! `num_encoder_layers`, `num_decoder_layers`, `dim_feedforward`, `activation`, `layer_norm_eps`,
//! `norm_first`.

use super::names::{Names, Row};
use super::sizes::{ACTIVATIONS, Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description, ModelSpec, NormPosition, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "transformer",
    model_types: &["transformer"],
    gguf_names: &[],
    prefixes: &["transformer."],
    ignored: &[],
    build,
};

const ENCODER: Fields = Fields {
    n_layers: "num_encoder_layers",
    d_model: "d_model",
    n_heads: "nhead",
    d_mlp: "dim_feedforward",
    default_eps: 1e-5,
    embedding: "embedding.weight",
    ..HUB
};
const DECODER: Fields = Fields { n_layers: "num_decoder_layers", ..ENCODER };

const ENCODER_ROWS: &[Row] = &[
    ["attn.Q", "self_attn.in_proj_", ""],
    ["attn.K", "self_attn.in_proj_", ""],
    ["attn.V", "self_attn.in_proj_", ""],
    ["attn.O", "self_attn.out_proj", ""],
    ["ln1", "norm1", ""],
    ["mlp.in", "linear1", ""],
    ["mlp.out", "linear2", ""],
    ["ln2", "norm2", ""],
    ["ln_final", "encoder.norm", ""],
];

const DECODER_ROWS: &[Row] = &[
    ["embed.W_E", "embedding", ""],
    ["attn.Q", "self_attn.in_proj_", ""],
    ["attn.K", "self_attn.in_proj_", ""],
    ["attn.V", "self_attn.in_proj_", ""],
    ["attn.O", "self_attn.out_proj", ""],
    ["ln1", "norm1", ""],
    ["cross_attn.Q", "multihead_attn.in_proj_", ""],
    ["cross_attn.K", "multihead_attn.in_proj_", ""],
    ["cross_attn.V", "multihead_attn.in_proj_", ""],
    ["cross_attn.O", "multihead_attn.out_proj", ""],
    ["ln2", "norm2", ""],
    ["mlp.in", "linear1", ""],
    ["mlp.out", "linear2", ""],
    ["ln3", "norm3", ""],
    ["ln_final", "decoder.norm", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    description.expect_flags(&[("bias", true)])?;
    let encoder = stack(description, &ENCODER)?;
    let mut decoder = stack(description, &DECODER)?;
    decoder.tied = true;
    let start = description.config.opt_index("decoder_start_token_id")?;
    decoder.decoder_start = start.map(|id| id as u32);
    decoder.source_end = description.source_end()?;
    let names = [
        &Names::new(ENCODER_ROWS, "encoder.layers."),
        &Names::new(DECODER_ROWS, "decoder.layers."),
    ];
    let spec = decoder.with_encoder(encoder);
    Ok(Blueprint::pair(spec, names, description).with_sinusoids(false))
}

fn stack(description: &Description<'_>, fields: &Fields) -> Result<ModelSpec, ModelError> {
    let mut spec = description.sizes(ENTRY.name, fields, &GGUF)?;
    spec.norm_position = match description.config.flag_or("norm_first", false)? {
        true => NormPosition::Pre,
        false => NormPosition::Post,
    };
    spec.positions = Positions::Sinusoidal;
    spec.embed_scale = (spec.d_model as f32).sqrt();
    spec.activation = description.config.choice("activation", ACTIVATIONS)?;
    Ok(spec)
}
