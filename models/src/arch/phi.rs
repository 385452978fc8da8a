//! Phi-1, Phi-1.5 and Phi-2 (Li et al. 2023, arXiv 2309.05463): attention and MLP side by side
//! behind one norm, rotary positions on part of each head, biases everywhere.

use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "phi",
    model_types: &["phi"],
    gguf_names: &["phi2"],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

const FIELDS: Fields = Fields { n_kv_heads: "num_key_value_heads", default_eps: 1e-5, ..HUB };

const ROWS: &[Row] = &[
    ["embed.W_E", "embed_tokens", "token_embd"],
    ["ln1", "input_layernorm", "attn_norm"],
    ["attn.Q", "self_attn.q_proj", "attn_qkv"],
    ["attn.K", "self_attn.k_proj", "attn_qkv"],
    ["attn.V", "self_attn.v_proj", "attn_qkv"],
    ["attn.O", "self_attn.dense", "attn_output"],
    ["ln2", "input_layernorm", "attn_norm"],
    ["mlp.in", "mlp.fc1", "ffn_up"],
    ["mlp.out", "mlp.fc2", "ffn_down"],
    ["ln_final", "final_layernorm", "output_norm"],
    ["unembed.W_U", "lm_head", "output"],
    ["unembed.b_U", "lm_head.bias", "output.bias"],
];

/// As llama.cpp writes it, queries, keys and values apart.
const APART: [Row; 3] =
    [["attn.Q", "", "attn_q"], ["attn.K", "", "attn_k"], ["attn.V", "", "attn_v"]];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    description.expect_flags(&[("qk_layernorm", false)])?;
    spec.parallel = true;
    spec.activation = description.activation("hidden_act", spec.activation)?;
    spec.tied = description.is_tied(false)?;
    let (positions, factors) = description.rotary(spec.d_head, 0.5, RopePairs::Halves)?;
    spec.positions = positions;
    let mut rows = ROWS.to_vec();
    if description.has("blk.0.attn_q.weight") {
        rows[2..5].copy_from_slice(&APART);
    }
    let names = Names { rows: &rows, ..Names::new(&[], "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
