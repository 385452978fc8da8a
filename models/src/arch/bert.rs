//! BERT (Devlin et al. 2018, arXiv 1810.04805), and sentence encoders of its shape (MiniLM).
//!
//! Post-norm blocks with LayerNorm, learned positions and segments, attention in both directions,
//! a GELU MLP; heads where the checkpoint has them: masked words, pooler, next sentence.

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
    name: "bert",
    model_types: &["bert"],
    gguf_names: &["bert"],
    prefixes: &["bert."],
    build,
};

struct Bert {
    spec: ModelSpec,
    is_gguf: bool,
    /// Gain and bias of norms as the file names them.
    norm_ends: [&'static str; 2],
    /// Where the bias of the unembedding is.
    decoder_bias: &'static str,
}

const DECODER_BIASES: [&str; 2] = ["cls.predictions.bias", "cls.predictions.decoder.bias"];

fn build(description: &Description<'_>) -> Result<Box<dyn Architecture>, ModelError> {
    let config = description.config;
    let is_gguf = config.is_gguf();
    let spec = if is_gguf { spec_from_gguf(description)? } else { spec_from_json(description)? };
    let (width, heads) = match is_gguf {
        true => ("embedding_length", "attention.head_count"),
        false => ("hidden_size", "num_attention_heads"),
    };
    config.check_multiple(width, spec.d_model, heads, spec.n_heads)?;
    let spec = ModelSpec { d_head: spec.d_model / spec.n_heads, ..spec };
    // Checkpoints that came from TensorFlow keep its names.
    let is_old = description.has("embeddings.LayerNorm.gamma");
    let norm_ends = if is_old { ["gamma", "beta"] } else { ["weight", "bias"] };
    let has_own_bias = description.has(DECODER_BIASES[0]);
    let decoder_bias = DECODER_BIASES[usize::from(!has_own_bias)];
    Ok(Box::new(Bert { spec, is_gguf, norm_ends, decoder_bias }))
}

fn spec_from_json(description: &Description<'_>) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    if let Some(kind) =
        config.opt_text("position_embedding_type")?.filter(|kind| *kind != "absolute")
    {
        let problem = format!("is {}; supported: absolute", crate::error::shown(kind));
        return Err(config.refusal("position_embedding_type", problem));
    }
    for field in ["is_decoder", "add_cross_attention"] {
        if config.flag_or(field, false)? {
            return Err(config.refusal(field, "is true; only encoders are supported"));
        }
    }
    let activations = [
        ("gelu", Activation::GeluErf),
        ("gelu_new", Activation::GeluTanh),
        ("gelu_pytorch_tanh", Activation::GeluTanh),
        ("relu", Activation::Relu),
        ("silu", Activation::Silu),
        ("swish", Activation::Silu),
        ("tanh", Activation::Tanh),
    ];
    let (d_model, n_heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    Ok(ModelSpec {
        n_layers: config.count_up_to("num_hidden_layers", 1024)?,
        d_mlp: config.count("intermediate_size")?,
        n_ctx: config.count("max_position_embeddings")?,
        d_vocab: config.count("vocab_size")?,
        n_token_types: config.opt_count("type_vocab_size")?.unwrap_or(2),
        norm_eps: config.opt_positive("layer_norm_eps")?.unwrap_or(1e-12) as f32,
        activation: config.choice("hidden_act", &activations)?,
        has_logits: description.has("cls.predictions.transform.dense.weight"),
        tied: config.flag_or("tie_word_embeddings", true)?,
        has_pooler: description.has("pooler.dense.weight"),
        has_nsp: description.has("cls.seq_relationship.weight")
            && description.has("pooler.dense.weight"),
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
        n_token_types: description.axis("token_types.weight", 0).unwrap_or(0),
        norm_eps: config.positive("attention.layer_norm_epsilon")? as f32,
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
        norm_position: NormPosition::Post,
        norm_eps: 0.0,
        causal: false,
        activation: Activation::GeluErf,
        gated_mlp: false,
        positions: Positions::Learned,
        has_logits: false,
        tied: false,
        has_pooler: false,
        has_nsp: false,
    }
}

impl Architecture for Bert {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rules(&self) -> Vec<WeightRule> {
        let s = &self.spec;
        let d = s.d_model;
        let pick = |json: &str, gguf: &str| if self.is_gguf { gguf } else { json }.to_owned();
        let mut rules = Vec::new();
        let mut table = |name: &str, json: &str, gguf: &str, n_rows: usize| {
            let source = pick(&format!("embeddings.{json}.weight"), &format!("{gguf}.weight"));
            rules.push(rule(name, source, &[n_rows, d]));
        };
        table("embed.W_E", "word_embeddings", "token_embd", s.d_vocab);
        table("pos_embed.W_pos", "position_embeddings", "position_embd", s.n_ctx);
        if s.n_token_types > 0 {
            let name = "token_type_embed.W_token_type";
            table(name, "token_type_embeddings", "token_types", s.n_token_types);
        }
        let norm = |rules: &mut Vec<WeightRule>, name: &str, source: String| {
            let ends = if self.is_gguf { ["weight", "bias"] } else { self.norm_ends };
            rules.push(rule(format!("{name}.w"), format!("{source}.{}", ends[0]), &[d]));
            rules.push(rule(format!("{name}.b"), format!("{source}.{}", ends[1]), &[d]));
        };
        let dense = |rules: &mut Vec<WeightRule>, [w, b]: [String; 2], source: &str, n, k| {
            rules.push(rule(w, format!("{source}.weight"), &[n, k]));
            rules.push(rule(b, format!("{source}.bias"), &[n]));
        };
        norm(&mut rules, "embed.ln", pick("embeddings.LayerNorm", "token_embd_norm"));
        for l in 0..s.n_layers {
            let source = |json: &str, gguf: &str| match self.is_gguf {
                true => format!("blk.{l}.{gguf}"),
                false => format!("encoder.layer.{l}.{json}"),
            };
            let matrices = [
                ("attn", "Q", source("attention.self.query", "attn_q"), d, d),
                ("attn", "K", source("attention.self.key", "attn_k"), d, d),
                ("attn", "V", source("attention.self.value", "attn_v"), d, d),
                ("attn", "O", source("attention.output.dense", "attn_output"), d, d),
                ("mlp", "in", source("intermediate.dense", "ffn_up"), s.d_mlp, d),
                ("mlp", "out", source("output.dense", "ffn_down"), d, s.d_mlp),
            ];
            for (part, letter, source, n, k) in matrices {
                let names = ["W", "b"].map(|kind| format!("blocks.{l}.{part}.{kind}_{letter}"));
                dense(&mut rules, names, &source, n, k);
            }
            let ln1 = source("attention.output.LayerNorm", "attn_output_norm");
            norm(&mut rules, &format!("blocks.{l}.ln1"), ln1);
            let ln2 = source("output.LayerNorm", "layer_output_norm");
            norm(&mut rules, &format!("blocks.{l}.ln2"), ln2);
        }
        if s.has_pooler {
            let names = ["pooler.W_pool", "pooler.b_pool"].map(str::to_owned);
            dense(&mut rules, names, "pooler.dense", d, d);
        }
        if s.has_nsp {
            let names = ["nsp_head.W_nsp", "nsp_head.b_nsp"].map(str::to_owned);
            dense(&mut rules, names, "cls.seq_relationship", 2, d);
        }
        if s.has_logits {
            let names = ["mlm_head.W_transform", "mlm_head.b_transform"].map(str::to_owned);
            dense(&mut rules, names, "cls.predictions.transform.dense", d, d);
            norm(&mut rules, "mlm_head.ln", "cls.predictions.transform.LayerNorm".to_owned());
            if !s.tied {
                let source = "cls.predictions.decoder.weight";
                rules.push(rule("unembed.W_U", source, &[s.d_vocab, d]));
            }
            rules.push(rule("unembed.b_U", self.decoder_bias, &[s.d_vocab]));
        }
        rules
    }

    fn ignores(&self, tensor: &str) -> bool {
        // Tables that follow from the configuration, tied or doubled parts of the head, and heads
        // of other tasks.
        tensor == "embeddings.position_ids"
            || tensor == "embeddings.token_type_ids"
            || self.spec.tied && tensor == "cls.predictions.decoder.weight"
            || DECODER_BIASES.contains(&tensor)
            || tensor.starts_with("cls.seq_relationship.")
            || ["classifier.", "qa_outputs.", "dropout."]
                .iter()
                .any(|head| tensor.starts_with(head))
    }

    fn body(&self, f: &mut Forward<'_>) -> Result<TensorId, ModelError> {
        let (ids, positions) = (f.ids(), f.positions());
        let embedded = f.gather("embed.W_E", ids)?;
        let mut sum = f.hook(Hook::Embed, embedded)?;
        if self.spec.n_token_types > 0 {
            let token_types = f.token_types();
            let typed = f.gather("token_type_embed.W_token_type", token_types)?;
            let typed = f.hook(Hook::TokenTypeEmbed, typed)?;
            sum = f.add(sum, typed)?;
        }
        let placed = f.gather("pos_embed.W_pos", positions)?;
        let placed = f.hook(Hook::PosEmbed, placed)?;
        sum = f.add(sum, placed)?;
        let mut resid = f.norm(NormSite::Embed, "embed.ln", sum)?;
        for layer in 0..self.spec.n_layers {
            resid = f.block(layer, |f| self.block(f, resid))?;
        }
        Ok(resid)
    }

    fn final_norm(&self, _: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError> {
        Ok(x)
    }

    fn unembed(&self, f: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError> {
        let x = f.linear(x, "mlm_head.transform")?;
        let x = f.activation(x, self.spec.activation)?;
        let x = f.plain_norm("mlm_head.ln", x)?.y;
        let table = f.weight(if self.spec.tied { "embed.W_E" } else { "unembed.W_U" })?;
        let bias = f.weight("unembed.b_U")?;
        Ok(f.recorder().linear(x, table, Some(bias))?)
    }

    fn pooled(
        &self,
        f: &mut Forward<'_>,
        first_row: TensorId,
    ) -> Result<Vec<(Hook, TensorId)>, ModelError> {
        let mut heads = Vec::new();
        if self.spec.has_pooler {
            let x = f.linear(first_row, "pooler.pool")?;
            let pooled = f.activation(x, Activation::Tanh)?;
            heads.push((Hook::PoolerOutput, pooled));
            if self.spec.has_nsp {
                heads.push((Hook::NspLogits, f.linear(pooled, "nsp_head.nsp")?));
            }
        }
        Ok(heads)
    }
}

impl Bert {
    /// `[T, d_model]` → `[T, d_model]`.
    fn block(&self, f: &mut Forward<'_>, resid_pre: TensorId) -> Result<TensorId, ModelError> {
        let resid_pre = f.hook(Hook::ResidPre, resid_pre)?;
        let q = f.linear(resid_pre, "attn.Q")?;
        let k = f.linear(resid_pre, "attn.K")?;
        let v = f.linear(resid_pre, "attn.V")?;
        let (q, k, v) = (f.hook(Hook::Q, q)?, f.hook(Hook::K, k)?, f.hook(Hook::V, v)?);
        let z = f.attention(q, k, v)?;
        let z = f.hook(Hook::Z, z)?;
        let attn_out = f.linear(z, "attn.O")?;
        let attn_out = f.hook(Hook::AttnOut, attn_out)?;
        let resid_mid = f.add(resid_pre, attn_out)?;
        let resid_mid = f.hook(Hook::ResidMid, resid_mid)?;

        let x = f.norm(NormSite::One, "ln1", resid_mid)?;
        let pre = f.linear(x, "mlp.in")?;
        let pre = f.hook(Hook::MlpPre, pre)?;
        let post = f.activation(pre, self.spec.activation)?;
        let post = f.hook(Hook::MlpPost, post)?;
        let mlp_out = f.linear(post, "mlp.out")?;
        let mlp_out = f.hook(Hook::MlpOut, mlp_out)?;
        let resid_post = f.add(x, mlp_out)?;
        let resid_post = f.hook(Hook::ResidPost, resid_post)?;
        let normalized = f.norm(NormSite::Two, "ln2", resid_post)?;
        f.hook(Hook::NormalizedResidPost, normalized)
    }
}
