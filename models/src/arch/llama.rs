//! Llama (Touvron et al. 2023, arXiv 2302.13971), and SmolLM2, which has its shape.
//!
//! Pre-norm blocks with RMSNorm, rotary positions, grouped key and value heads, a SiLU-gated MLP.
//! llama.cpp stores the rows of queries and keys as interleaved pairs; they are put back as halves
//! when loaded, so that hooks mean the same from either file.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::sizes::{GGUF_RMS, HUB_LLAMA};
use super::{ArchEntry, Blueprint, Description, ModelSpec, NormKind};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "llama",
    model_types: &["llama"],
    gguf_names: &["llama"],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

/// The names that Llama's kin share.
pub(super) const ROWS: &[Row] = &[
    ["embed.W_E", "embed_tokens", "token_embd"],
    ["ln1", "input_layernorm", "attn_norm"],
    ["attn.Q", "self_attn.q_proj", "attn_q"],
    ["attn.K", "self_attn.k_proj", "attn_k"],
    ["attn.V", "self_attn.v_proj", "attn_v"],
    ["attn.q_norm", "self_attn.q_norm", "attn_q_norm"],
    ["attn.k_norm", "self_attn.k_norm", "attn_k_norm"],
    ["attn.O", "self_attn.o_proj", "attn_output"],
    ["ln2", "post_attention_layernorm", "ffn_norm"],
    ["mlp.gate", "mlp.gate_proj", "ffn_gate"],
    ["mlp.in", "mlp.up_proj", "ffn_up"],
    ["mlp.out", "mlp.down_proj", "ffn_down"],
    ["ln_final", "norm", "output_norm"],
    ["unembed.W_U", "lm_head", "output"],
    ["rope.factors", "", "rope_freqs"],
];

/// Sizes and kinds of Llama's kin, and the divisors of their rotary frequencies.
pub(super) fn kin(
    architecture: &'static str,
    description: &Description<'_>,
    tied: bool,
) -> Result<(ModelSpec, Option<Vec<f32>>), ModelError> {
    let config = description.config;
    let mut spec = description.sizes(architecture, &HUB_LLAMA, &GGUF_RMS)?;
    if let Some(n) = config.opt_index("expert_count")?.filter(|&n| n > 0 && config.is_gguf()) {
        let problem = format!("is {n}; mixtures of experts are not supported");
        return Err(config.refusal("expert_count", problem));
    }
    spec.norm = NormKind::RmsNorm;
    spec.gated_mlp = true;
    spec.activation = Activation::Silu;
    if !config.is_gguf() {
        spec.activation = config.choice("hidden_act", &[("silu", Activation::Silu)])?;
    }
    spec.tied = description.is_tied(tied)?;
    let (positions, factors) = description.rotary(spec.d_head, 1.0, RopePairs::Halves)?;
    spec.positions = positions;
    Ok((spec, factors))
}

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let (spec, factors) = kin(ENTRY.name, description, false)?;
    let has_bias = |field: &str, in_gguf: &str| match config.is_gguf() {
        true => Ok(description.has(in_gguf)),
        false => config.flag_or(field, false),
    };
    let mut biases = Vec::new();
    if has_bias("attention_bias", "blk.0.attn_q.bias")? {
        biases.extend(["attn.Q", "attn.K", "attn.V"]);
    }
    // GGUF files of models with biases on queries, keys and values alone have none here.
    if has_bias("attention_bias", "blk.0.attn_output.bias")? {
        biases.push("attn.O");
    }
    if has_bias("mlp_bias", "blk.0.ffn_up.bias")? {
        biases.push("mlp");
    }
    let names = Names { biases: &biases, gguf_pairs: true, ..Names::new(ROWS, "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
