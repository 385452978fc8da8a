//! GPT-J (Wang, Komatsuzaki 2021): attention and MLP side by side behind one norm, rotary
//! positions on part of each head in interleaved pairs, a bias on the unembedding.

use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::sizes::{GGUF, HUB_GPT2};
use super::{ArchEntry, Blueprint, Description, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gptj",
    model_types: &["gptj"],
    gguf_names: &[],
    prefixes: &["transformer."],
    ignored: &["*.attn.bias", "*.attn.masked_bias", "*.embed_positions"],
    build,
};

const ROWS: &[Row] = &[
    ["embed.W_E", "wte", ""],
    ["ln1", "ln_1", ""],
    ["attn.Q", "attn.q_proj", ""],
    ["attn.K", "attn.k_proj", ""],
    ["attn.V", "attn.v_proj", ""],
    ["attn.O", "attn.out_proj", ""],
    ["ln2", "ln_1", ""],
    ["mlp.in", "mlp.fc_in", ""],
    ["mlp.out", "mlp.fc_out", ""],
    ["ln_final", "ln_f", ""],
    ["unembed.W_U", "lm_head", ""],
    ["unembed.b_U", "lm_head.bias", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &HUB_GPT2, &GGUF)?;
    spec.parallel = true;
    spec.activation = description.activation("activation_function", spec.activation)?;
    spec.tied = description.is_tied(false)?;
    let n_rotary = config.opt_count("rotary_dim")?.unwrap_or(spec.d_head);
    if n_rotary > spec.d_head || !n_rotary.is_multiple_of(2) {
        let problem = format!("is {n_rotary}; an even number up to {} is expected", spec.d_head);
        return Err(config.refusal("rotary_dim", problem));
    }
    spec.positions = Positions::Rotary { n_rotary, base: 10_000.0, pairs: RopePairs::Interleaved };
    let biases = &["mlp", "ln"];
    Ok(Blueprint::new(spec, &Names { biases, ..Names::new(ROWS, "h.") }, description))
}
