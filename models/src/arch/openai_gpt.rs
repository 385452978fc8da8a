//! GPT (Radford et al. 2018): the first one.
//!
//! Post-norm blocks with LayerNorm as in the 2017 Transformer, learned positions, no norm at the
//! end. Matrices have inputs as rows (`Conv1D`).

use vitrine_kernels::ops::activation::Activation;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB_GPT2};
use super::{ArchEntry, Blueprint, Description, NormPosition};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "openai-gpt",
    model_types: &["openai-gpt"],
    gguf_names: &[],
    prefixes: &["transformer."],
    ignored: &["*.attn.bias", "position_ids", "multiple_choice_head.*", "score.*"],
    build,
};

const ROWS: &[Row] = &[
    ["embed.W_E", "tokens_embed", ""],
    ["pos_embed.W_pos", "positions_embed", ""],
    ["attn.Q", "attn.c_attn", ""],
    ["attn.K", "attn.c_attn", ""],
    ["attn.V", "attn.c_attn", ""],
    ["attn.O", "attn.c_proj", ""],
    ["ln1", "ln_1", ""],
    ["mlp.in", "mlp.c_fc", ""],
    ["mlp.out", "mlp.c_proj", ""],
    ["ln2", "ln_2", ""],
    ["unembed.W_U", "lm_head", ""],
];

/// "gelu" means the approximation here.
const ACTIVATIONS: &[(&str, Activation)] = &[
    ("gelu", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let mut spec = description.sizes(ENTRY.name, &Fields { d_mlp: "", ..HUB_GPT2 }, &GGUF)?;
    spec.norm_position = NormPosition::Post;
    spec.activation = description.config.choice("afn", ACTIVATIONS)?;
    spec.tied = description.is_tied(true)?;
    let names = Names { is_transposed: true, ..Names::new(ROWS, "h.") };
    Ok(Blueprint::new(spec, &names, description))
}
