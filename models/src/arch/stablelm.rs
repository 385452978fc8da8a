//! StableLM 3B and StableLM 2 (Bellagente et al. 2024, arXiv 2402.17834): Llama with LayerNorm, rotary positions on a
//! quarter of each head and, in 2, biases on queries, keys and values; the 12B form has attention and MLP side by side
//! behind one norm.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::llama::ROWS;
use super::names::Names;
use super::sizes::{Fields, GGUF, HUB};
use super::{ArchEntry, Blueprint, Description};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "stablelm",
    model_types: &["stablelm"],
    gguf_names: &[],
    prefixes: &["model."],
    ignored: &["*.rotary_emb.inv_freq"],
    build,
};

const FIELDS: Fields = Fields { n_kv_heads: "num_key_value_heads", default_eps: 1e-5, ..HUB };

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    description.expect_flags(&[("qk_layernorm", false)])?;
    spec.gated_mlp = true;
    spec.activation = config.choice("hidden_act", &[("silu", Activation::Silu)])?;
    spec.parallel = config.flag_or("use_parallel_residual", false)?;
    spec.tied = description.is_tied(false)?;
    let (positions, factors) = description.rotary(spec.d_head, 0.25, RopePairs::Halves)?;
    spec.positions = positions;
    let mut rows = ROWS.to_vec();
    if spec.parallel {
        for row in rows.iter_mut().filter(|row| row[0] == "ln2") {
            row[1] = "input_layernorm";
        }
    }
    let biases: &[&str] = match config.flag_or("use_qkv_bias", false)? {
        true => &["ln", "attn.Q", "attn.K", "attn.V"],
        false => &["ln"],
    };
    let names = Names { rows: &rows, biases, ..Names::new(&[], "layers.") };
    Ok(Blueprint::new(spec, &names, description).with_rope_factors(factors))
}
