//! BART (Lewis et al. 2019, arXiv 1910.13461) and what shares the form of its checkpoints: mBART,
//! MarianMT (Junczys-Dowmunt et al. 2018, arXiv 1804.00344, as transformers holds it), BlenderBot
//! (Roller et al. 2020, arXiv 2004.13637), large and small.
//!
//! Encoder and decoder with LayerNorm and biases everywhere; the decoder asks the encoder between
//! attention and MLP. They differ in where the norms stand, in positions (learned, from row 2 or
//! 0; sines before cosines), in a norm of the embeddings, and in one or two vocabularies.

use super::names::{Names, Row};
use super::sizes::{ACTIVATIONS, Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Counted, Description, ModelSpec, NormPosition, Positions};
use crate::error::ModelError;

/// The line in the list of BART and mBART.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "bart",
    model_types: &["bart", "mbart"],
    gguf_names: &[],
    prefixes: &["model."],
    ignored: IGNORED,
    build: |description| {
        let is_mbart = description.config.text("model_type")? == "mbart";
        let norms = if is_mbart { NormPosition::Pre } else { NormPosition::Post };
        build(description, Kin { name: "bart", norms, ..BART })
    },
};

/// The line in the list of MarianMT.
pub const MARIAN: ArchEntry = ArchEntry {
    name: "marian",
    model_types: &["marian"],
    build: |description| {
        let positions = Positions::Sinusoidal;
        build(description, Kin { name: "marian", positions, embed_norm: false, ..BART })
    },
    ..ENTRY
};

/// The line in the list of BlenderBot.
pub const BLENDERBOT: ArchEntry = ArchEntry {
    name: "blenderbot",
    model_types: &["blenderbot", "blenderbot-small"],
    build: |description| {
        let embed_norm = description.config.text("model_type")? == "blenderbot-small";
        let norms = if embed_norm { NormPosition::Post } else { NormPosition::Pre };
        let positions = Positions::Learned { offset: 0, counted: Counted::All };
        build(description, Kin { name: "blenderbot", norms, positions, embed_norm })
    },
    ..ENTRY
};

/// What differs among the kin.
struct Kin {
    name: &'static str,
    norms: NormPosition,
    positions: Positions,
    embed_norm: bool,
}

const BART: Kin = Kin {
    name: "bart",
    norms: NormPosition::Post,
    positions: Positions::Learned { offset: 2, counted: Counted::All },
    embed_norm: true,
};

/// Counters of fairseq, and heads of other tasks.
const IGNORED: &[&str] =
    &["encoder.version", "decoder.version", "classification_head.*", "qa_outputs.*"];

const ENCODER: Fields = Fields {
    n_layers: "encoder_layers",
    d_model: "d_model",
    n_heads: "encoder_attention_heads",
    d_mlp: "encoder_ffn_dim",
    norm_eps: "",
    default_eps: 1e-5,
    embedding: "shared.weight",
    ..HUB
};
const DECODER: Fields = Fields {
    n_layers: "decoder_layers",
    n_heads: "decoder_attention_heads",
    d_mlp: "decoder_ffn_dim",
    ..ENCODER
};

const ENCODER_ROWS: &[Row] = &[
    ["pos_embed.W_pos", "encoder.embed_positions", ""],
    ["embed.ln", "encoder.layernorm_embedding", ""],
    ["attn.Q", "self_attn.q_proj", ""],
    ["attn.K", "self_attn.k_proj", ""],
    ["attn.V", "self_attn.v_proj", ""],
    ["attn.O", "self_attn.out_proj", ""],
    ["ln1", "self_attn_layer_norm", ""],
    ["mlp.in", "fc1", ""],
    ["mlp.out", "fc2", ""],
    ["ln2", "final_layer_norm", ""],
    ["ln_final", "encoder.layer_norm", ""],
];

const DECODER_ROWS: &[Row] = &[
    ["pos_embed.W_pos", "decoder.embed_positions", ""],
    ["embed.ln", "decoder.layernorm_embedding", ""],
    ["attn.Q", "self_attn.q_proj", ""],
    ["attn.K", "self_attn.k_proj", ""],
    ["attn.V", "self_attn.v_proj", ""],
    ["attn.O", "self_attn.out_proj", ""],
    ["ln1", "self_attn_layer_norm", ""],
    ["cross_attn.Q", "encoder_attn.q_proj", ""],
    ["cross_attn.K", "encoder_attn.k_proj", ""],
    ["cross_attn.V", "encoder_attn.v_proj", ""],
    ["cross_attn.O", "encoder_attn.out_proj", ""],
    ["ln2", "encoder_attn_layer_norm", ""],
    ["mlp.in", "fc1", ""],
    ["mlp.out", "fc2", ""],
    ["ln3", "final_layer_norm", ""],
    ["ln_final", "decoder.layer_norm", ""],
    ["unembed.W_U", "lm_head", ""],
    ["unembed.b_U", "final_logits_bias", ""],
];

/// One vocabulary, under any of the names that tied tensors go by.
const SHARED: Row = ["embed.W_E", "shared|encoder.embed_tokens|decoder.embed_tokens|lm_head", ""];
const OF_ENCODER: Row = ["embed.W_E", "encoder.embed_tokens", ""];
const OF_DECODER: Row = ["embed.W_E", "decoder.embed_tokens|lm_head", ""];

fn build(description: &Description<'_>, kin: Kin) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let encoder = stack(description, &ENCODER, &kin)?;
    let mut decoder = stack(description, &DECODER, &kin)?;
    let is_shared = config.flag_or("share_encoder_decoder_embeddings", true)?;
    if !is_shared {
        decoder.d_vocab = config.opt_count("decoder_vocab_size")?.unwrap_or(encoder.d_vocab);
    }
    if kin.embed_norm && kin.name == BLENDERBOT.name {
        // The small one's decoder norms its tokens, unscaled, before positions come.
        decoder.embed_norm_first = true;
        decoder.embed_scale = 1.0;
    }
    decoder.tied = description.is_tied(true)?;
    let start = config.opt_index("decoder_start_token_id")?;
    decoder.decoder_start = start.or(config.opt_index("bos_token_id")?).map(|id| id as u32);
    decoder.source_end = description.source_end()?;
    let rows = |embedding: &[Row], rows| [embedding, rows].concat();
    let encoder_rows = rows(if is_shared { &[] } else { &[OF_ENCODER] }, ENCODER_ROWS);
    let embedding = if is_shared { SHARED } else { OF_DECODER };
    let decoder_rows = rows(&[embedding], DECODER_ROWS);
    let names = [
        &Names { rows: &encoder_rows, ..Names::new(&[], "encoder.layers.") },
        &Names { rows: &decoder_rows, ..Names::new(&[], "decoder.layers.") },
    ];
    let spec = decoder.with_encoder(encoder);
    Ok(Blueprint::pair(spec, names, description).with_sinusoids(true))
}

fn stack(
    description: &Description<'_>,
    fields: &Fields,
    kin: &Kin,
) -> Result<ModelSpec, ModelError> {
    let mut spec = description.sizes(kin.name, fields, &GGUF)?;
    spec.norm_position = kin.norms;
    spec.positions = kin.positions;
    spec.embed_norm = kin.embed_norm;
    spec.activation = description.config.choice("activation_function", ACTIVATIONS)?;
    if description.config.flag_or("scale_embedding", false)? {
        spec.embed_scale = (spec.d_model as f32).sqrt();
    }
    Ok(spec)
}
