//! Reading what architectures share from a configuration: sizes by a table of field names,
//! activations, rotary positions, windows.

use serde_json::Value;
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::rope::RopePairs;

use super::{Description, ModelSpec, Positions};
use crate::error::{ModelError, shown};
use crate::weights::config::{RopeFields, RopeScaling};

/// Names of a configuration's fields. An empty name: not in the configuration. Of names parted by
/// `|` the first that is there counts.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    /// Blocks.
    pub n_layers: &'static str,
    /// Width of the residual stream.
    pub d_model: &'static str,
    /// Query heads.
    pub n_heads: &'static str,
    /// Key and value heads; as many as queries where the field is missing.
    pub n_kv_heads: &'static str,
    /// Columns of a head; d_model / n_heads where the field is missing.
    pub d_head: &'static str,
    /// Width of the MLP; 4·d_model where the field is missing.
    pub d_mlp: &'static str,
    /// Longest input; set by the architecture where the name is empty.
    pub n_ctx: &'static str,
    /// ε of the norms.
    pub norm_eps: &'static str,
    /// ε where the field is missing; 0: it must be there.
    pub default_eps: f64,
    /// The embedding, whose rows count where the configuration is silent.
    pub embedding: &'static str,
}

/// The names that most of transformers' configurations share.
pub(crate) const HUB: Fields = Fields {
    n_layers: "num_hidden_layers",
    d_model: "hidden_size",
    n_heads: "num_attention_heads",
    n_kv_heads: "",
    d_head: "",
    d_mlp: "intermediate_size",
    n_ctx: "max_position_embeddings",
    norm_eps: "layer_norm_eps",
    default_eps: 1e-12,
    embedding: "",
};

/// Those of Llama and its kin.
pub(crate) const HUB_LLAMA: Fields = Fields {
    n_kv_heads: "num_key_value_heads",
    d_head: "head_dim",
    norm_eps: "rms_norm_eps",
    default_eps: 0.0,
    ..HUB
};

/// Those of GPT-2 and its time.
pub(crate) const HUB_GPT2: Fields = Fields {
    n_layers: "n_layer",
    d_model: "n_embd",
    n_heads: "n_head",
    d_mlp: "n_inner",
    n_ctx: "n_positions|n_ctx",
    norm_eps: "layer_norm_epsilon",
    default_eps: 1e-5,
    ..HUB
};

/// Those of GGUF.
pub(crate) const GGUF: Fields = Fields {
    n_layers: "block_count",
    d_model: "embedding_length",
    n_heads: "attention.head_count",
    n_kv_heads: "attention.head_count_kv",
    d_head: "attention.key_length",
    d_mlp: "feed_forward_length",
    n_ctx: "context_length",
    norm_eps: "attention.layer_norm_epsilon",
    default_eps: 0.0,
    embedding: "token_embd.weight",
};

/// Those of GGUF where the norms are RMSNorms.
pub(crate) const GGUF_RMS: Fields = Fields { norm_eps: "attention.layer_norm_rms_epsilon", ..GGUF };

/// GELU under the names that mean its approximation, and the rest as they are.
pub(crate) const ACTIVATIONS: &[(&str, Activation)] = &[
    ("gelu", Activation::GeluErf),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
];

impl<'a> Description<'a> {
    /// The sizes, from the fields of the file's format.
    ///
    /// # Errors
    /// A field that is missing or impossible.
    pub(crate) fn sizes(
        &self,
        architecture: &'static str,
        hub: &Fields,
        gguf: &Fields,
    ) -> Result<ModelSpec, ModelError> {
        let config = self.config;
        let names = if config.is_gguf() { gguf } else { hub };
        let field = |names: &'static str| {
            let mut all = names.split('|');
            let first = all.clone().next().unwrap_or_default();
            all.find(|name| config.has(name)).unwrap_or(first)
        };
        let opt = |name: &'static str| match name {
            "" => Ok(None),
            name => config.opt_count(field(name)),
        };
        let width = field(names.d_model);
        let (d_model, n_heads) = (config.count(width)?, config.count(names.n_heads)?);
        let n_kv_heads = opt(names.n_kv_heads)?.unwrap_or(n_heads);
        config.check_multiple(names.n_heads, n_heads, names.n_kv_heads, n_kv_heads)?;
        let d_head = match opt(names.d_head)? {
            Some(d_head) => d_head,
            None => {
                config.check_multiple(width, d_model, names.n_heads, n_heads)?;
                d_model / n_heads
            }
        };
        let n_ctx = if names.n_ctx.is_empty() { 1 } else { config.count(field(names.n_ctx))? };
        let norm_eps = match names.norm_eps {
            "" => names.default_eps,
            name if names.default_eps == 0.0 => config.positive(name)?,
            name => config.opt_positive(name)?.unwrap_or(names.default_eps),
        };
        Ok(ModelSpec {
            n_layers: config.count_up_to(field(names.n_layers), 1024)?,
            d_model,
            d_table: d_model,
            d_embed: d_model,
            n_heads,
            n_kv_heads,
            d_head,
            attn_scale: 1.0 / (d_head as f32).sqrt(),
            d_mlp: opt(names.d_mlp)?.unwrap_or(4 * d_model),
            n_ctx,
            d_vocab: self.d_vocab("vocab_size", names.embedding)?,
            norm_eps: norm_eps as f32,
            ..ModelSpec::new(architecture)
        })
    }

    /// The activation that a field names; GGUF leaves it to the architecture.
    ///
    /// # Errors
    /// An unknown one.
    pub(crate) fn activation(
        &self,
        field: &str,
        in_gguf: Activation,
    ) -> Result<Activation, ModelError> {
        if self.config.is_gguf() { Ok(in_gguf) } else { self.config.choice(field, ACTIVATIONS) }
    }

    /// Whether the unembedding is the embedding: what config.json says (`default` where it is
    /// silent); in GGUF, whether there is no other.
    ///
    /// # Errors
    /// A field of another kind.
    pub(crate) fn is_tied(&self, default: bool) -> Result<bool, ModelError> {
        match self.config.is_gguf() {
            true => Ok(!self.has("output.weight")),
            false => self.config.flag_or("tie_word_embeddings", default),
        }
    }

    /// What a source text ends with, where config.json says so (`source_end_token_id`: the models that
    /// are trained here).
    ///
    /// # Errors
    /// A field of another kind.
    pub(crate) fn source_end(&self) -> Result<Option<u32>, ModelError> {
        Ok(self.config.opt_index("source_end_token_id")?.map(|id| id as u32))
    }

    /// Refuses a configuration in which one of these flags is not as given.
    ///
    /// # Errors
    /// The flag, by its name.
    pub(crate) fn expect_flags(&self, flags: &[(&str, bool)]) -> Result<(), ModelError> {
        for &(field, expected) in flags {
            if self.config.flag_or(field, expected)? != expected {
                let problem = format!("is {}; only {expected} is supported", !expected);
                return Err(self.config.refusal(field, problem));
            }
        }
        Ok(())
    }

    /// The rotary positions, and what divides the frequency of each pair, `[n_rotary / 2]`, where
    /// the configuration stretches them. `part` of each head turns where the configuration does
    /// not say.
    ///
    /// # Errors
    /// An unknown scaling; heads that cannot turn in pairs.
    pub(crate) fn rotary(
        &self,
        d_head: usize,
        part: f64,
        pairs: RopePairs,
    ) -> Result<(Positions, Option<Vec<f32>>), ModelError> {
        let config = self.config;
        let rope = config.rope(None)?;
        let (field, n_rotary) = match config.is_gguf() {
            true => {
                let field = "rope.dimension_count";
                (field, config.opt_count(field)?.unwrap_or((part * d_head as f64) as usize))
            }
            false => {
                let part = rope.partial_rotary_factor.unwrap_or(part);
                ("partial_rotary_factor", (part * d_head as f64) as usize)
            }
        };
        if n_rotary == 0 || n_rotary > d_head || !n_rotary.is_multiple_of(2) {
            let problem = format!(
                "gives {n_rotary} of a head's {d_head} columns, which cannot turn in pairs"
            );
            return Err(config.refusal(field, problem));
        }
        let base = rope.theta.unwrap_or(10_000.0) as f32;
        Ok((Positions::Rotary { n_rotary, base, pairs }, rope_factors(&rope, n_rotary)))
    }

    /// How far each layer sees, where `layer_types` or one window for all layers says so: the
    /// window is `window_field`'s, and `layer_types` (where it is there) names the layers.
    ///
    /// # Errors
    /// An unknown kind of layer.
    pub(crate) fn windows(
        &self,
        window_field: &str,
        n_layers: usize,
        is_windowed: impl Fn(usize) -> bool,
    ) -> Result<Vec<usize>, ModelError> {
        let Some(window) = self.config.opt_count(window_field)? else { return Ok(Vec::new()) };
        let Some(kinds) = self.config.list("layer_types")? else {
            return Ok((0..n_layers).map(|l| if is_windowed(l) { window } else { 0 }).collect());
        };
        let kinds: Vec<_> = kinds.iter().map(Value::as_str).collect();
        self.windows_of(
            "layer_types",
            &kinds,
            n_layers,
            &[("full_attention", 0), ("sliding_attention", window)],
        )
    }

    /// The window of each layer by the name of its kind.
    ///
    /// # Errors
    /// An unknown kind of layer, or a list of another length.
    pub(crate) fn windows_of(
        &self,
        field: &str,
        kinds: &[Option<&str>],
        n_layers: usize,
        choices: &[(&str, usize)],
    ) -> Result<Vec<usize>, ModelError> {
        if kinds.len() != n_layers {
            let problem = format!("has {} entries for {n_layers} layers", kinds.len());
            return Err(self.config.refusal(field, problem));
        }
        let window = |kind: &Option<&str>| {
            let kind = kind.unwrap_or_default();
            choices.iter().find(|(name, _)| *name == kind).map(|&(_, window)| window).ok_or_else(
                || {
                    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                    let problem = format!("has {}; supported: {}", shown(kind), names.join(", "));
                    self.config.refusal(field, problem)
                },
            )
        };
        kinds.iter().map(window).collect()
    }
}

/// What divides the frequency of each rotary pair.
fn rope_factors(rope: &RopeFields, n_rotary: usize) -> Option<Vec<f32>> {
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
