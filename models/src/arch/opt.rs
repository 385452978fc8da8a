//! OPT (Zhang et al. 2022, arXiv 2205.01068): Pre-LN blocks with ReLU and learned positions that
//! begin at row 2 and count visible tokens. The 350M form is Post-LN without a last norm, and
//! its embeddings are narrower than the residual stream: a projection in, another one out.

use vitrine_kernels::ops::activation::Activation;

use super::names::{Names, Row};
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Counted, Description, NormPosition, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "opt",
    model_types: &["opt"],
    gguf_names: &[],
    prefixes: &["model.", "decoder."],
    ignored: &[],
    build,
};

const FIELDS: Fields = Fields { d_mlp: "ffn_dim", norm_eps: "", default_eps: 1e-5, ..HUB };

const ROWS: &[Row] = &[
    ["embed.W_E", "embed_tokens", ""],
    ["embed.proj", "project_in", ""],
    ["pos_embed.W_pos", "embed_positions", ""],
    ["ln1", "self_attn_layer_norm", ""],
    ["attn.Q", "self_attn.q_proj", ""],
    ["attn.K", "self_attn.k_proj", ""],
    ["attn.V", "self_attn.v_proj", ""],
    ["attn.O", "self_attn.out_proj", ""],
    ["ln2", "final_layer_norm", ""],
    ["mlp.in", "fc1", ""],
    ["mlp.out", "fc2", ""],
    ["ln_final", "final_layer_norm", ""],
    ["unembed.proj", "project_out", ""],
    ["unembed.W_U", "lm_head", ""],
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    description.expect_flags(&[
        ("layer_norm_elementwise_affine", true),
        ("_remove_final_layer_norm", false),
    ])?;
    if !config.flag_or("do_layer_norm_before", true)? {
        spec.norm_position = NormPosition::Post;
    }
    spec.d_table = config.opt_count("word_embed_proj_dim")?.unwrap_or(spec.d_model);
    spec.activation = description.activation("activation_function", Activation::Relu)?;
    spec.positions = Positions::Learned { offset: 2, counted: Counted::Visible };
    spec.tied = description.is_tied(true)?;
    let has_biases = config.flag_or("enable_bias", true)?;
    let biases: &[&str] = if has_biases { &["attn", "mlp", "ln"] } else { &["ln"] };
    Ok(Blueprint::new(spec, &Names { biases, ..Names::new(ROWS, "layers.") }, description))
}
