//! GPT-2 (Radford et al. 2019), and nanoGPT's checkpoints of the same shape.
//!
//! Pre-norm blocks with LayerNorm, learned positions, a GELU MLP. transformers stores matrices
//! with inputs as rows (`Conv1D`), nanoGPT and GGUF with outputs as rows: the shape of `c_attn`
//! tells which. Queries, keys and values are one fused tensor in all of them.

use vitrine_kernels::ops::activation::Activation;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB_GPT2};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gpt2",
    model_types: &["gpt2", "nanogpt"],
    gguf_names: &["gpt2"],
    prefixes: &["_orig_mod.", "transformer."],
    ignored: &["*.attn.bias", "*.attn.masked_bias"],
    build,
};

/// nanoGPT's fields; it pads the vocabulary, and may do so after the configuration was written.
const NANO: Fields =
    Fields { d_mlp: "", n_ctx: "block_size", norm_eps: "", embedding: "wte.weight", ..HUB_GPT2 };

const ROWS: &[Row] = &[
    ["embed.W_E", "wte", "token_embd"],
    ["pos_embed.W_pos", "wpe", "position_embd"],
    ["ln1", "ln_1", "attn_norm"],
    ["attn.Q", "attn.c_attn", "attn_qkv"],
    ["attn.K", "attn.c_attn", "attn_qkv"],
    ["attn.V", "attn.c_attn", "attn_qkv"],
    ["attn.O", "attn.c_proj", "attn_output"],
    ["ln2", "ln_2", "ffn_norm"],
    ["mlp.in", "mlp.c_fc", "ffn_up"],
    ["mlp.out", "mlp.c_proj", "ffn_down"],
    ["ln_final", "ln_f", "output_norm"],
    ["unembed.W_U", "lm_head", "output"],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let is_nano = !config.is_gguf() && config.has("block_size");
    let hub = if is_nano { &NANO } else { &HUB_GPT2 };
    let mut spec = description.sizes(ENTRY.name, hub, &GGUF)?;
    description.expect_flags(&[
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("add_cross_attention", false),
    ])?;
    if is_nano {
        spec.activation = Activation::GeluErf;
        spec.tied = !description.has("lm_head.weight");
    } else {
        if config.has("activation_function") {
            spec.activation = description.activation("activation_function", spec.activation)?;
        }
        spec.tied = description.is_tied(true)?;
    }
    let has_biases = config.is_gguf() || description.has("h.0.attn.c_attn.bias");
    let names = Names {
        is_transposed: description.axis("h.0.attn.c_attn.weight", 0) == Some(spec.d_model),
        biases: if has_biases { &[""] } else { &[] },
        ..Names::new(ROWS, "h.")
    };
    Ok(Blueprint::new(spec, &names, description))
}
