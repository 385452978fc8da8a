//! Llama (Touvron et al. 2023, arXiv 2302.13971), and SmolLM2, which has its shape.
//!
//! Pre-norm blocks with RMSNorm, rotary positions, grouped key and value heads, a SiLU-gated MLP.
//! Checkpoints: transformers' `LlamaForCausalLM`, GGUF `llama`. llama.cpp stores the rows of
//! queries and keys as interleaved pairs; they are put back as halves when loaded, so that hooks
//! mean the same from either file.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::activation::Activation;

use super::rules::rule;
use super::{
    ArchEntry, Architecture, Description, Forward, ModelSpec, NormKind, NormPosition, Positions,
    WeightRule,
};
use crate::error::ModelError;
use crate::hook::{Hook, NormSite};
use crate::weights::config::{RopeFields, RopeScaling};

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "llama",
    model_types: &["llama"],
    gguf_names: &["llama"],
    prefixes: &["model."],
    build,
};

struct Llama {
    spec: ModelSpec,
    is_gguf: bool,
    has_attention_bias: bool,
    has_mlp_bias: bool,
    /// Divisors of the rotary frequencies, where the configuration stretches them.
    rope_factors: Option<Vec<f32>>,
    has_rope_factors_tensor: bool,
}

fn build(description: &Description<'_>) -> Result<Box<dyn Architecture>, ModelError> {
    let config = description.config;
    let llama = if config.is_gguf() { from_gguf(description)? } else { from_json(description)? };
    let spec = &llama.spec;
    let (heads, kv_heads) = if config.is_gguf() {
        ("attention.head_count", "attention.head_count_kv")
    } else {
        ("num_attention_heads", "num_key_value_heads")
    };
    config.check_multiple(heads, spec.n_heads, kv_heads, spec.n_kv_heads)?;
    if !spec.d_head.is_multiple_of(2) {
        let problem = format!("gives heads of {} columns, which cannot turn in pairs", spec.d_head);
        return Err(config.refusal(heads, problem));
    }
    Ok(Box::new(llama))
}

fn from_json(description: &Description<'_>) -> Result<Llama, ModelError> {
    let config = description.config;
    let d_model = config.count("hidden_size")?;
    let n_heads = config.count("num_attention_heads")?;
    let d_head = match config.opt_count("head_dim")? {
        Some(d_head) => d_head,
        None => {
            config.check_multiple("hidden_size", d_model, "num_attention_heads", n_heads)?;
            d_model / n_heads
        }
    };
    let rope = config.rope(None)?;
    let tied = config.flag_or("tie_word_embeddings", false)?;
    let spec = ModelSpec {
        architecture: ENTRY.name,
        n_layers: config.count_up_to("num_hidden_layers", 1024)?,
        d_model,
        n_heads,
        n_kv_heads: config.opt_count("num_key_value_heads")?.unwrap_or(n_heads),
        d_head,
        d_mlp: config.count("intermediate_size")?,
        n_ctx: config.count("max_position_embeddings")?,
        d_vocab: config.count("vocab_size")?,
        norm_eps: config.positive("rms_norm_eps")? as f32,
        activation: config.choice("hidden_act", &[("silu", Activation::Silu)])?,
        tied,
        ..spec_of(&rope, d_head)
    };
    Ok(Llama {
        is_gguf: false,
        has_attention_bias: config.flag_or("attention_bias", false)?,
        has_mlp_bias: config.flag_or("mlp_bias", false)?,
        rope_factors: rope_factors(&rope, d_head),
        has_rope_factors_tensor: false,
        spec,
    })
}

fn from_gguf(description: &Description<'_>) -> Result<Llama, ModelError> {
    let config = description.config;
    let d_model = config.count("embedding_length")?;
    let n_heads = config.count("attention.head_count")?;
    config.check_multiple("embedding_length", d_model, "attention.head_count", n_heads)?;
    let d_head = config.opt_count("attention.key_length")?.unwrap_or(d_model / n_heads);
    if let Some(n_experts) = config.opt_index("expert_count")?.filter(|&n| n > 0) {
        let problem = format!("is {n_experts}; mixtures of experts are not supported");
        return Err(config.refusal("expert_count", problem));
    }
    let n_rotary = config.opt_count("rope.dimension_count")?.unwrap_or(d_head);
    if n_rotary != d_head {
        let problem = format!("is {n_rotary}; {d_head} (the whole head) is expected");
        return Err(config.refusal("rope.dimension_count", problem));
    }
    let rope = config.rope(None)?;
    let spec = ModelSpec {
        architecture: ENTRY.name,
        n_layers: config.count_up_to("block_count", 1024)?,
        d_model,
        n_heads,
        n_kv_heads: config.opt_count("attention.head_count_kv")?.unwrap_or(n_heads),
        d_head,
        d_mlp: config.count("feed_forward_length")?,
        n_ctx: config.count("context_length")?,
        d_vocab: description.d_vocab("vocab_size", "token_embd.weight")?,
        norm_eps: config.positive("attention.layer_norm_rms_epsilon")? as f32,
        tied: !description.has("output.weight"),
        ..spec_of(&rope, d_head)
    };
    Ok(Llama {
        is_gguf: true,
        has_attention_bias: description.has("blk.0.attn_q.bias"),
        has_mlp_bias: description.has("blk.0.ffn_up.bias"),
        rope_factors: rope_factors(&rope, d_head),
        has_rope_factors_tensor: description.has("rope_freqs.weight"),
        spec,
    })
}

/// What all models of this architecture share.
fn spec_of(rope: &RopeFields, d_head: usize) -> ModelSpec {
    let n_rotary = (rope.partial_rotary_factor.unwrap_or(1.0) * d_head as f64) as usize;
    ModelSpec {
        architecture: ENTRY.name,
        n_layers: 0,
        d_model: 0,
        n_heads: 0,
        n_kv_heads: 0,
        d_head,
        d_mlp: 0,
        n_ctx: 0,
        d_vocab: 0,
        n_token_types: 0,
        norm: NormKind::RmsNorm,
        norm_position: NormPosition::Pre,
        norm_eps: 0.0,
        causal: true,
        activation: Activation::Silu,
        gated_mlp: true,
        positions: Positions::Rotary { n_rotary, base: rope.theta.unwrap_or(10_000.0) as f32 },
        has_logits: true,
        tied: false,
        has_pooler: false,
        has_nsp: false,
    }
}

/// What divides the frequency of each rotary pair, `[n_rotary / 2]`.
fn rope_factors(rope: &RopeFields, d_head: usize) -> Option<Vec<f32>> {
    let n_rotary = (rope.partial_rotary_factor.unwrap_or(1.0) * d_head as f64) as usize;
    let n_pairs = n_rotary / 2;
    match rope.scaling {
        RopeScaling::None => None,
        RopeScaling::Linear { factor } => Some(vec![factor as f32; n_pairs]),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_n_ctx } => {
            let base = rope.theta.unwrap_or(10_000.0);
            let original = original_n_ctx as f64;
            let divisor = |pair: usize| {
                let frequency = base.powf(-2.0 * pair as f64 / n_rotary as f64);
                let wavelength = std::f64::consts::TAU / frequency;
                if wavelength < original / high_freq_factor {
                    1.0
                } else if wavelength > original / low_freq_factor {
                    factor
                } else {
                    let smooth = (original / wavelength - low_freq_factor)
                        / (high_freq_factor - low_freq_factor);
                    1.0 / ((1.0 - smooth) / factor + smooth)
                }
            };
            Some((0..n_pairs).map(|pair| divisor(pair) as f32).collect())
        }
    }
}

impl Architecture for Llama {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rules(&self) -> Vec<WeightRule> {
        let s = &self.spec;
        let (d, q, kv) = (s.d_model, s.n_heads * s.d_head, s.n_kv_heads * s.d_head);
        // [name, safetensors, GGUF]
        let pick = |json: &str, gguf: &str| if self.is_gguf { gguf } else { json }.to_owned();
        let mut rules = vec![rule(
            "embed.W_E",
            pick("embed_tokens.weight", "token_embd.weight"),
            &[s.d_vocab, d],
        )];
        for l in 0..s.n_layers {
            let name = |part: &str| format!("blocks.{l}.{part}");
            let source = |json: &str, gguf: &str, end: &str| {
                if self.is_gguf {
                    format!("blk.{l}.{gguf}.{end}")
                } else {
                    format!("layers.{l}.{json}.{end}")
                }
            };
            rules.push(rule(name("ln1.w"), source("input_layernorm", "attn_norm", "weight"), &[d]));
            let projections = [
                ("Q", "self_attn.q_proj", "attn_q", q, d, Some(s.n_heads)),
                ("K", "self_attn.k_proj", "attn_k", kv, d, Some(s.n_kv_heads)),
                ("V", "self_attn.v_proj", "attn_v", kv, d, None),
                ("O", "self_attn.o_proj", "attn_output", d, q, None),
            ];
            for (letter, json, gguf, n, k, turned_heads) in projections {
                let halves = self.is_gguf && turned_heads.is_some();
                let n_heads = turned_heads.unwrap_or(1);
                let w =
                    rule(name(&format!("attn.W_{letter}")), source(json, gguf, "weight"), &[n, k]);
                rules.push(w.halves_if(halves, n_heads));
                if self.has_attention_bias {
                    let b =
                        rule(name(&format!("attn.b_{letter}")), source(json, gguf, "bias"), &[n]);
                    let b = b.halves_if(halves, n_heads);
                    // GGUF files of models with biases on q, k, v alone have none here.
                    rules.push(if self.is_gguf && letter == "O" { b.optional() } else { b });
                }
            }
            let norm = source("post_attention_layernorm", "ffn_norm", "weight");
            rules.push(rule(name("ln2.w"), norm, &[d]));
            let projections = [
                ("gate", "mlp.gate_proj", "ffn_gate", s.d_mlp, d),
                ("in", "mlp.up_proj", "ffn_up", s.d_mlp, d),
                ("out", "mlp.down_proj", "ffn_down", d, s.d_mlp),
            ];
            for (part, json, gguf, n, k) in projections {
                let w = source(json, gguf, "weight");
                rules.push(rule(name(&format!("mlp.W_{part}")), w, &[n, k]));
                if self.has_mlp_bias {
                    let b = source(json, gguf, "bias");
                    rules.push(rule(name(&format!("mlp.b_{part}")), b, &[n]));
                }
            }
        }
        rules.push(rule("ln_final.w", pick("norm.weight", "output_norm.weight"), &[d]));
        if !s.tied {
            let source = pick("lm_head.weight", "output.weight");
            rules.push(rule("unembed.W_U", source, &[s.d_vocab, d]));
        }
        if self.has_rope_factors_tensor {
            rules.push(rule("rope.factors", "rope_freqs.weight", &[s.d_head / 2]));
        }
        rules
    }

    fn constants(&self) -> Vec<(String, Vec<f32>)> {
        let factors = self.rope_factors.clone().filter(|_| !self.has_rope_factors_tensor);
        factors.map(|factors| ("rope.factors".to_owned(), factors)).into_iter().collect()
    }

    fn ignores(&self, tensor: &str) -> bool {
        // Tables that follow from the configuration, and a tied head written out again.
        tensor.ends_with("rotary_emb.inv_freq") || self.spec.tied && tensor == "lm_head.weight"
    }

    fn body(&self, f: &mut Forward<'_>) -> Result<TensorId, ModelError> {
        let ids = f.ids();
        let embedded = f.gather("embed.W_E", ids)?;
        let mut resid = f.hook(Hook::Embed, embedded)?;
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

impl Llama {
    /// `[T, d_model]` → `[T, d_model]`.
    fn block(&self, f: &mut Forward<'_>, resid_pre: TensorId) -> Result<TensorId, ModelError> {
        let resid_pre = f.hook(Hook::ResidPre, resid_pre)?;
        let x = f.norm(NormSite::One, "ln1", resid_pre)?;
        let q = f.linear(x, "attn.Q")?;
        let k = f.linear(x, "attn.K")?;
        let v = f.linear(x, "attn.V")?;
        let (q, k, v) = (f.hook(Hook::Q, q)?, f.hook(Hook::K, k)?, f.hook(Hook::V, v)?);
        let (q, k) = (f.rope(q)?, f.rope(k)?);
        let (q, k) = (f.hook(Hook::RotQ, q)?, f.hook(Hook::RotK, k)?);
        let z = f.attention(q, k, v)?;
        let z = f.hook(Hook::Z, z)?;
        let attn_out = f.linear(z, "attn.O")?;
        let attn_out = f.hook(Hook::AttnOut, attn_out)?;
        let resid_mid = f.add(resid_pre, attn_out)?;
        let resid_mid = f.hook(Hook::ResidMid, resid_mid)?;

        let x = f.norm(NormSite::Two, "ln2", resid_mid)?;
        let gate = f.linear(x, "mlp.gate")?;
        let gate = f.hook(Hook::MlpPre, gate)?;
        let up = f.linear(x, "mlp.in")?;
        let up = f.hook(Hook::MlpPreLinear, up)?;
        let post = f.recorder().gated(gate, up, self.spec.activation)?;
        let post = f.hook(Hook::MlpPost, post)?;
        let mlp_out = f.linear(post, "mlp.out")?;
        let mlp_out = f.hook(Hook::MlpOut, mlp_out)?;
        let resid_post = f.add(resid_mid, mlp_out)?;
        f.hook(Hook::ResidPost, resid_post)
    }
}
