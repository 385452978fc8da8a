//! GPT-2 (Radford et al. 2019), and nanoGPT's checkpoints of the same shape.
//!
//! Pre-norm blocks with LayerNorm, learned positions, a GELU MLP. transformers stores matrices
//! with inputs as rows (`Conv1D`), nanoGPT and GGUF with outputs as rows: the shape of `c_attn`
//! tells which. Queries, keys and values are one fused tensor in all of them.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::activation::Activation;

use super::rules::rule;
use super::{
    ArchEntry, Architecture, Description, Forward, ModelSpec, NormKind, NormPosition, Positions,
    WeightRule,
};
use crate::error::ModelError;
use crate::hook::{Hook, NormSite};

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "gpt2",
    model_types: &["gpt2", "nanogpt"],
    gguf_names: &["gpt2"],
    prefixes: &["_orig_mod.", "transformer."],
    build,
};

struct Gpt2 {
    spec: ModelSpec,
    is_gguf: bool,
    /// Matrices have inputs as rows.
    is_transposed: bool,
    has_biases: bool,
}

fn build(description: &Description<'_>) -> Result<Box<dyn Architecture>, ModelError> {
    let config = description.config;
    let is_gguf = config.is_gguf();
    let is_nano = !is_gguf && config.has("block_size");
    let spec = match (is_gguf, is_nano) {
        (true, _) => spec_from_gguf(description)?,
        (_, true) => spec_from_nano(description)?,
        _ => spec_from_json(description)?,
    };
    let (d_model, heads) = match is_gguf {
        true => ("embedding_length", "attention.head_count"),
        false => ("n_embd", "n_head"),
    };
    config.check_multiple(d_model, spec.d_model, heads, spec.n_heads)?;
    let spec = ModelSpec { d_head: spec.d_model / spec.n_heads, ..spec };
    let is_transposed = description.axis("h.0.attn.c_attn.weight", 0) == Some(spec.d_model);
    let has_biases = is_gguf || description.has("h.0.attn.c_attn.bias");
    Ok(Box::new(Gpt2 { spec, is_gguf, is_transposed, has_biases }))
}

fn spec_from_json(description: &Description<'_>) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    for (field, expected) in [
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("add_cross_attention", false),
    ] {
        if config.flag_or(field, expected)? != expected {
            return Err(
                config.refusal(field, format!("is {}; only {expected} is supported", !expected))
            );
        }
    }
    let activations = [
        ("gelu_new", Activation::GeluTanh),
        ("gelu_pytorch_tanh", Activation::GeluTanh),
        ("gelu", Activation::GeluErf),
        ("relu", Activation::Relu),
        ("silu", Activation::Silu),
        ("swish", Activation::Silu),
        ("tanh", Activation::Tanh),
    ];
    let activation = match config.has("activation_function") {
        true => config.choice("activation_function", &activations)?,
        false => Activation::GeluTanh,
    };
    let (n_heads, d_model) = (config.count("n_head")?, config.count("n_embd")?);
    Ok(ModelSpec {
        n_layers: config.count_up_to("n_layer", 1024)?,
        d_mlp: config.opt_count("n_inner")?.unwrap_or(4 * d_model),
        n_ctx: config.count_any(&["n_positions", "n_ctx"])?,
        d_vocab: config.count("vocab_size")?,
        norm_eps: config.opt_positive("layer_norm_epsilon")?.unwrap_or(1e-5) as f32,
        activation,
        tied: config.flag_or("tie_word_embeddings", true)?,
        ..spec_of(d_model, n_heads)
    })
}

fn spec_from_nano(description: &Description<'_>) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    let (n_heads, d_model) = (config.count("n_head")?, config.count("n_embd")?);
    Ok(ModelSpec {
        n_layers: config.count_up_to("n_layer", 1024)?,
        d_mlp: 4 * d_model,
        n_ctx: config.count("block_size")?,
        // nanoGPT pads the vocabulary, and may do so after the configuration was written.
        d_vocab: description.d_vocab("vocab_size", "wte.weight")?,
        norm_eps: 1e-5,
        activation: Activation::GeluErf,
        tied: !description.has("lm_head.weight"),
        ..spec_of(d_model, n_heads)
    })
}

fn spec_from_gguf(description: &Description<'_>) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    let d_model = config.count("embedding_length")?;
    Ok(ModelSpec {
        n_layers: config.count_up_to("block_count", 1024)?,
        d_mlp: config.count("feed_forward_length")?,
        n_ctx: config.count("context_length")?,
        d_vocab: description.d_vocab("vocab_size", "token_embd.weight")?,
        norm_eps: config.positive("attention.layer_norm_epsilon")? as f32,
        activation: Activation::GeluTanh,
        tied: !description.has("output.weight"),
        ..spec_of(d_model, config.count("attention.head_count")?)
    })
}

/// What all models of this architecture share.
fn spec_of(d_model: usize, n_heads: usize) -> ModelSpec {
    ModelSpec {
        architecture: ENTRY.name,
        n_layers: 0,
        d_model,
        n_heads,
        n_kv_heads: n_heads,
        d_head: 0,
        d_mlp: 0,
        n_ctx: 0,
        d_vocab: 0,
        n_token_types: 0,
        norm: NormKind::LayerNorm,
        norm_position: NormPosition::Pre,
        norm_eps: 0.0,
        causal: true,
        activation: Activation::GeluTanh,
        gated_mlp: false,
        positions: Positions::Learned,
        has_logits: true,
        tied: false,
        has_pooler: false,
        has_nsp: false,
    }
}

impl Architecture for Gpt2 {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rules(&self) -> Vec<WeightRule> {
        let s = &self.spec;
        let d = s.d_model;
        let pick = |json: &str, gguf: &str| if self.is_gguf { gguf } else { json }.to_owned();
        let mut rules = vec![
            rule("embed.W_E", pick("wte.weight", "token_embd.weight"), &[s.d_vocab, d]),
            rule("pos_embed.W_pos", pick("wpe.weight", "position_embd.weight"), &[s.n_ctx, d]),
        ];
        let norm = |rules: &mut Vec<WeightRule>, name: &str, source: &str| {
            rules.push(rule(format!("{name}.w"), format!("{source}.weight"), &[d]));
            if self.has_biases {
                rules.push(rule(format!("{name}.b"), format!("{source}.bias"), &[d]));
            }
        };
        for l in 0..s.n_layers {
            let source = |json: &str, gguf: &str| match self.is_gguf {
                true => format!("blk.{l}.{gguf}"),
                false => format!("h.{l}.{json}"),
            };
            let matrices = [
                ("attn", "Q", source("attn.c_attn", "attn_qkv"), d, d, Some(0)),
                ("attn", "K", source("attn.c_attn", "attn_qkv"), d, d, Some(1)),
                ("attn", "V", source("attn.c_attn", "attn_qkv"), d, d, Some(2)),
                ("attn", "O", source("attn.c_proj", "attn_output"), d, d, None),
                ("mlp", "in", source("mlp.c_fc", "ffn_up"), s.d_mlp, d, None),
                ("mlp", "out", source("mlp.c_proj", "ffn_down"), d, s.d_mlp, None),
            ];
            norm(&mut rules, &format!("blocks.{l}.ln1"), &source("ln_1", "attn_norm"));
            norm(&mut rules, &format!("blocks.{l}.ln2"), &source("ln_2", "ffn_norm"));
            for (part, letter, source, n, k, third) in matrices {
                let name = |kind: &str| format!("blocks.{l}.{part}.{kind}_{letter}");
                let fused = |rule: WeightRule| match third {
                    Some(third) => rule.rows_of(third * d..(third + 1) * d, 3 * d),
                    None => rule,
                };
                let w = fused(rule(name("W"), format!("{source}.weight"), &[n, k]));
                rules.push(w.transposed_if(self.is_transposed));
                if self.has_biases {
                    rules.push(fused(rule(name("b"), format!("{source}.bias"), &[n])));
                }
            }
        }
        norm(&mut rules, "ln_final", &pick("ln_f", "output_norm"));
        if !s.tied {
            let source = pick("lm_head.weight", "output.weight");
            rules.push(rule("unembed.W_U", source, &[s.d_vocab, d]));
        }
        rules
    }

    fn ignores(&self, tensor: &str) -> bool {
        // Causal masks, and a tied head written out again.
        tensor.ends_with(".attn.bias")
            || tensor.ends_with(".attn.masked_bias")
            || self.spec.tied && tensor == "lm_head.weight"
    }

    fn body(&self, f: &mut Forward<'_>) -> Result<TensorId, ModelError> {
        let (ids, positions) = (f.ids(), f.positions());
        let embedded = f.gather("embed.W_E", ids)?;
        let embedded = f.hook(Hook::Embed, embedded)?;
        let placed = f.gather("pos_embed.W_pos", positions)?;
        let placed = f.hook(Hook::PosEmbed, placed)?;
        let mut resid = f.add(embedded, placed)?;
        for layer in 0..self.spec.n_layers {
            resid = f.block(layer, |f| self.block(f, resid))?;
        }
        Ok(resid)
    }

    fn final_norm(&self, f: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError> {
        f.norm(NormSite::Final, "ln_final", x)
    }

    fn unembed(&self, f: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError> {
        let table = f.weight(if self.spec.tied { "embed.W_E" } else { "unembed.W_U" })?;
        Ok(f.recorder().linear(x, table, None)?)
    }
}

impl Gpt2 {
    /// `[T, d_model]` → `[T, d_model]`.
    fn block(&self, f: &mut Forward<'_>, resid_pre: TensorId) -> Result<TensorId, ModelError> {
        let resid_pre = f.hook(Hook::ResidPre, resid_pre)?;
        let x = f.norm(NormSite::One, "ln1", resid_pre)?;
        let q = f.linear(x, "attn.Q")?;
        let k = f.linear(x, "attn.K")?;
        let v = f.linear(x, "attn.V")?;
        let (q, k, v) = (f.hook(Hook::Q, q)?, f.hook(Hook::K, k)?, f.hook(Hook::V, v)?);
        let z = f.attention(q, k, v)?;
        let z = f.hook(Hook::Z, z)?;
        let attn_out = f.linear(z, "attn.O")?;
        let attn_out = f.hook(Hook::AttnOut, attn_out)?;
        let resid_mid = f.add(resid_pre, attn_out)?;
        let resid_mid = f.hook(Hook::ResidMid, resid_mid)?;

        let x = f.norm(NormSite::Two, "ln2", resid_mid)?;
        let pre = f.linear(x, "mlp.in")?;
        let pre = f.hook(Hook::MlpPre, pre)?;
        let post = f.activation(pre, self.spec.activation)?;
        let post = f.hook(Hook::MlpPost, post)?;
        let mlp_out = f.linear(post, "mlp.out")?;
        let mlp_out = f.hook(Hook::MlpOut, mlp_out)?;
        let resid_post = f.add(resid_mid, mlp_out)?;
        f.hook(Hook::ResidPost, resid_post)
    }
}
