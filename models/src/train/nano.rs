//! A small model of one of the architectures: from a few sizes to the config.json and the tensors
//! that a checkpoint of it has.
//!
//! Which tensors those are, the architecture's own file says: its rules, asked with nothing but
//! the configuration (and the few tensors from whose presence it reads what kind of checkpoint it
//! has before it).

mod parts;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vitrine_kernels::{Control, Engine};

use super::init::{Init, initial};
use super::vocabulary::Special;
use crate::arch::{ARCHITECTURES, Blueprint, Description, Model, WeightRule};
use crate::error::ModelError;
use crate::weights::safetensors::{self, TensorView};
use crate::weights::{Checkpoint, ConfigFields, FileDType, MemorySource, TensorEntry};
pub use parts::{NanoAttention, NanoFeatures, NanoNorm, NanoNormPosition, NanoPositions};

/// Which architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A decoder: LayerNorm before, learned positions, GELU.
    #[default]
    Gpt2,
    /// A decoder: RMSNorm before, rotary positions, SwiGLU, no biases.
    Llama,
    /// A decoder: attention and MLP side by side, rotary positions on a quarter of each head.
    GptNeox,
    /// A decoder whose scores fall with the distance (ALiBi), the embeddings normed.
    Bloom,
    /// An encoder with a head for masked words: LayerNorm after, learned positions.
    Bert,
    /// The encoder–decoder of 2017: LayerNorm after, sinusoids, ReLU.
    Transformer,
    /// An encoder–decoder: LayerNorm after, learned positions, GELU.
    Bart,
    /// An encoder–decoder of gated recurrent units, which asks its source by additive attention.
    Gru,
    /// The same without attention: one vector says all of the source.
    GruFixed,
    /// A decoder of LSTMs one above another.
    Lstm,
    /// A decoder whose parts are chosen one by one.
    Nano,
    /// An encoder whose parts are chosen one by one, with a head for masked words.
    NanoEncoder,
}

/// Sizes and kinds of a small model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NanoConfig {
    /// Which architecture.
    pub kind: Kind,
    /// Blocks (of each stack); of gated recurrent units there is one, whatever this is.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads (Llama's kind, nano); 0: as many as queries.
    pub n_kv_heads: usize,
    /// Width of the MLP; 0: 4·d_model, where it is gated 8/3·d_model up to a multiple of 8.
    pub d_mlp: usize,
    /// Tokens of a training sequence (of each stack), and the longest input.
    pub n_ctx: usize,
    /// Whether the unembedding is the embedding (decoders; the others tie).
    pub tied: bool,
    /// Attention and MLP one after the other (GPT-NeoX's kind).
    pub sequential: bool,
    /// Whether norms stand before attention and MLP, as they do not in the figure (the transformer of 2017).
    pub norm_first: bool,
    /// Where the norms stand (nano).
    pub norm_position: NanoNormPosition,
    /// Which norm (nano).
    pub norm: NanoNorm,
    /// How tokens ask each other (nano).
    pub attention: NanoAttention,
    /// What maps queries and keys without a softmax (nano).
    pub features: NanoFeatures,
    /// Whether linear attention divides by its weights' sum (nano).
    pub normalised: bool,
    /// How positions enter (nano).
    pub positions: NanoPositions,
    /// Whether matrices and norms have biases (nano).
    pub biases: bool,
    /// The MLP's activation (`gelu_new`, `gelu`, `relu`, `silu`, of a nano `swiglu` too); empty: the
    /// architecture's.
    pub activation: String,
    /// Share of values that training drops; recurrent units drop none.
    pub dropout: f32,
    /// What the weights begin as.
    pub init: Init,
    /// Standard deviation of [`Init::Normal`] and [`Init::Gpt2`].
    pub init_std: f32,
}

impl Default for NanoConfig {
    fn default() -> Self {
        Self {
            kind: Kind::Gpt2,
            n_layers: 4,
            d_model: 128,
            n_heads: 4,
            n_kv_heads: 0,
            d_mlp: 0,
            n_ctx: 128,
            tied: true,
            sequential: false,
            norm_first: false,
            norm_position: NanoNormPosition::default(),
            norm: NanoNorm::default(),
            attention: NanoAttention::default(),
            features: NanoFeatures::default(),
            normalised: true,
            positions: NanoPositions::default(),
            biases: true,
            activation: String::new(),
            dropout: 0.0,
            init: Init::Gpt2,
            init_std: 0.02,
        }
    }
}

impl Kind {
    /// `model_type` of config.json.
    fn model_type(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt2",
            Self::Llama => "llama",
            Self::GptNeox => "gpt_neox",
            Self::Bloom => "bloom",
            Self::Bert => "bert",
            Self::Transformer => "transformer",
            Self::Bart => "bart",
            Self::Gru | Self::GruFixed => "bahdanau-gru",
            Self::Lstm => "awd-lstm",
            Self::Nano | Self::NanoEncoder => "vitrine-nano",
        }
    }

    /// transformers' class, and what its names begin with except those of its head.
    fn class(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::Gpt2 => ("GPT2LMHeadModel", "transformer.", &["lm_head"]),
            Self::Llama => ("LlamaForCausalLM", "model.", &["lm_head"]),
            Self::GptNeox => ("GPTNeoXForCausalLM", "gpt_neox.", &["embed_out"]),
            Self::Bloom => ("BloomForCausalLM", "transformer.", &["lm_head"]),
            Self::Bert => ("BertForMaskedLM", "bert.", &["cls."]),
            Self::Transformer => ("Transformer", "", &[]),
            Self::Bart => ("BartForConditionalGeneration", "model.", &["lm_head", "final_logits"]),
            Self::Gru | Self::GruFixed => ("Translator", "", &[]),
            Self::Lstm => ("LanguageModel", "", &[]),
            Self::Nano | Self::NanoEncoder => ("VitrineNano", "", &[]),
        }
    }

    /// Whether an encoder reads a source beside the decoder.
    pub fn has_source(self) -> bool {
        matches!(self, Self::Transformer | Self::Bart | Self::Gru | Self::GruFixed)
    }

    /// Whether it is made of recurrent units, which have no heads.
    pub fn is_recurrent(self) -> bool {
        matches!(self, Self::Gru | Self::GruFixed | Self::Lstm)
    }

    /// Whether each token sees earlier ones only.
    pub fn is_causal(self) -> bool {
        !matches!(self, Self::Bert | Self::NanoEncoder)
    }

    /// Whether the parts of a block are chosen one by one.
    fn is_nano(self) -> bool {
        matches!(self, Self::Nano | Self::NanoEncoder)
    }

    /// Tensors from whose presence the architecture reads what a checkpoint is.
    fn telling(self, d_model: usize) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            Self::Gpt2 => vec![
                ("h.0.attn.c_attn.weight", vec![d_model, 3 * d_model]),
                ("h.0.attn.c_attn.bias", vec![3 * d_model]),
            ],
            Self::Bert => {
                vec![("cls.predictions.transform.dense.weight", vec![d_model, d_model])]
            }
            _ => Vec::new(),
        }
    }
}

impl NanoConfig {
    /// Refuses impossible sizes.
    ///
    /// # Errors
    /// The field, and what it must be.
    pub fn check(&self) -> Result<(), ModelError> {
        let counts = [
            ("model.n_layers", self.n_layers),
            ("model.d_model", self.d_model),
            ("model.n_heads", self.n_heads),
            ("model.n_ctx", self.n_ctx),
        ];
        let refuse = |field: &str, problem: String| {
            Err(ModelError::config("the configuration", field, problem))
        };
        for (field, count) in counts {
            if count == 0 {
                return refuse(field, "is 0; at least 1 is needed".to_owned());
            }
        }
        if self.kind.is_recurrent() {
            return Ok(());
        }
        if !self.d_model.is_multiple_of(self.n_heads) {
            let problem = format!("is {}, no divisor of d_model = {}", self.n_heads, self.d_model);
            return refuse("model.n_heads", problem);
        }
        let n_kv_heads = self.n_kv_heads();
        if self.kind != Kind::Llama && !self.kind.is_nano() && n_kv_heads != self.n_heads
            || !self.n_heads.is_multiple_of(n_kv_heads)
        {
            let problem = format!("is {n_kv_heads} beside n_heads = {}", self.n_heads);
            return refuse("model.n_kv_heads", problem);
        }
        Ok(())
    }

    fn n_kv_heads(&self) -> usize {
        if self.n_kv_heads == 0 { self.n_heads } else { self.n_kv_heads }
    }

    fn d_mlp(&self) -> usize {
        let is_gated =
            self.kind == Kind::Llama || self.kind.is_nano() && self.activation == "swiglu";
        match (self.d_mlp, is_gated) {
            (0, true) => (self.d_model * 8).div_ceil(3).next_multiple_of(8),
            (0, false) => 4 * self.d_model,
            (d_mlp, _) => d_mlp,
        }
    }

    fn activation(&self, default: &str) -> Value {
        Value::from(if self.activation.is_empty() { default } else { &self.activation })
    }

    /// The config.json of the model with this vocabulary.
    pub fn config_json(&self, d_vocab: usize, special: Special) -> Map<String, Value> {
        let (d_mlp, heads, layers) = (self.d_mlp(), self.n_heads, self.n_layers);
        let own = match self.kind {
            Kind::Gpt2 => json!({
                "n_layer": layers, "n_embd": self.d_model, "n_head": heads, "n_inner": d_mlp,
                "n_positions": self.n_ctx, "layer_norm_epsilon": 1e-5,
                "activation_function": self.activation("gelu_new"),
                "tie_word_embeddings": self.tied,
                "attn_pdrop": self.dropout, "embd_pdrop": self.dropout, "resid_pdrop": self.dropout,
            }),
            Kind::Llama => json!({
                "num_hidden_layers": layers, "hidden_size": self.d_model,
                "num_attention_heads": heads, "num_key_value_heads": self.n_kv_heads(),
                "head_dim": self.d_model / heads, "intermediate_size": d_mlp,
                "max_position_embeddings": self.n_ctx, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                "tie_word_embeddings": self.tied, "attention_bias": false, "mlp_bias": false,
                "rope_parameters": { "rope_theta": 10000.0, "rope_type": "default" },
            }),
            Kind::GptNeox => json!({
                "num_hidden_layers": layers, "hidden_size": self.d_model,
                "num_attention_heads": heads, "intermediate_size": d_mlp,
                "max_position_embeddings": self.n_ctx, "layer_norm_eps": 1e-5,
                "hidden_act": self.activation("gelu"), "use_parallel_residual": !self.sequential,
                "attention_bias": true, "tie_word_embeddings": self.tied,
                "rope_parameters": {
                    "partial_rotary_factor": 0.25, "rope_theta": 10000.0, "rope_type": "default"
                },
            }),
            Kind::Bloom => json!({
                "n_layer": layers, "hidden_size": self.d_model, "n_head": heads,
                "seq_length": self.n_ctx, "layer_norm_epsilon": 1e-5,
                "apply_residual_connection_post_layernorm": false,
                "tie_word_embeddings": true,
            }),
            Kind::Bert => json!({
                "num_hidden_layers": layers, "hidden_size": self.d_model,
                "num_attention_heads": heads, "intermediate_size": d_mlp,
                "max_position_embeddings": self.n_ctx, "layer_norm_eps": 1e-12,
                "hidden_act": self.activation("gelu"), "type_vocab_size": 2,
                "tie_word_embeddings": true,
                "hidden_dropout_prob": self.dropout, "attention_probs_dropout_prob": self.dropout,
            }),
            Kind::Transformer => json!({
                "num_encoder_layers": layers, "num_decoder_layers": layers,
                "d_model": self.d_model, "nhead": heads, "dim_feedforward": d_mlp,
                "max_position_embeddings": self.n_ctx, "layer_norm_eps": 1e-5,
                "activation": self.activation("relu"),
                "decoder_start_token_id": special.start, "norm_first": self.norm_first,
            }),
            Kind::Bart => json!({
                "encoder_layers": layers, "decoder_layers": layers, "d_model": self.d_model,
                "encoder_attention_heads": heads, "decoder_attention_heads": heads,
                "encoder_ffn_dim": d_mlp, "decoder_ffn_dim": d_mlp,
                "max_position_embeddings": self.n_ctx, "scale_embedding": false,
                "activation_function": self.activation("gelu"), "tie_word_embeddings": true,
                "is_encoder_decoder": true, "decoder_start_token_id": special.start,
                "dropout": self.dropout, "attention_dropout": self.dropout,
            }),
            Kind::Gru | Kind::GruFixed => json!({
                "embedding_size": self.d_model, "hidden_size": self.d_model,
                "attention_size": self.d_model, "fixed_context": self.kind == Kind::GruFixed,
                "decoder_start_token_id": special.start,
            }),
            Kind::Lstm => json!({
                "embedding_size": self.d_model, "hidden_size": self.d_model, "num_layers": layers,
                "tie_word_embeddings": self.tied,
            }),
            Kind::Nano | Kind::NanoEncoder => json!({
                "n_layers": layers, "d_model": self.d_model, "n_heads": heads,
                "n_kv_heads": self.n_kv_heads(), "d_mlp": d_mlp, "n_ctx": self.n_ctx,
                "norm_eps": 1e-5, "is_decoder": self.kind.is_causal(),
                "norm_position": self.norm_position, "norm": self.norm,
                "attention": self.attention, "features": self.features,
                "normalised": self.normalised, "positions": self.positions,
                "activation": self.activation("gelu_new"), "biases": self.biases,
                "tie_word_embeddings": self.tied, "dropout": self.dropout,
            }),
        };
        let mut config = match own {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        config.insert("model_type".to_owned(), Value::from(self.kind.model_type()));
        config.insert("architectures".to_owned(), json!([self.kind.class().0]));
        config.insert("vocab_size".to_owned(), Value::from(d_vocab));
        config.insert("bos_token_id".to_owned(), Value::from(special.start));
        config.insert("eos_token_id".to_owned(), Value::from(special.end));
        config.insert("pad_token_id".to_owned(), Value::from(special.pad));
        if self.kind.has_source() {
            // Its tokenizer is that of the decoder too, and does not say it.
            config.insert("source_end_token_id".to_owned(), Value::from(special.end));
        }
        config
    }

    /// What the architecture makes of a configuration: sizes, and the rules of all weights.
    fn blueprint(&self, config: &Map<String, Value>) -> Result<Blueprint, ModelError> {
        let model_type = self.kind.model_type();
        let entry = ARCHITECTURES.iter().find(|entry| entry.model_types.contains(&model_type));
        let entry = entry.ok_or_else(|| {
            ModelError::config("config.json", "model_type", format!("is {model_type}"))
        })?;
        let telling: Vec<TensorEntry> = self
            .kind
            .telling(self.d_model)
            .into_iter()
            .map(|(name, shape)| TensorEntry {
                name: name.to_owned(),
                dtype: FileDType::F32,
                shape,
                file_idx: 0,
                offset: 0,
                n_bytes: 0,
            })
            .collect();
        let tensors: HashMap<_, _> =
            telling.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        let config = ConfigFields::from_json("config.json", config);
        (entry.build)(&Description { config, tensors })
    }

    /// A checkpoint with initial weights: config.json and model.safetensors (f32).
    ///
    /// # Errors
    /// Sizes that the architecture refuses.
    pub fn initial_checkpoint(
        &self,
        d_vocab: usize,
        special: Special,
        seed: u64,
    ) -> Result<[MemorySource; 2], ModelError> {
        self.check()?;
        let config = self.config_json(d_vocab, special);
        let blueprint = self.blueprint(&config)?;
        let weights = initial(self, &blueprint.spec, &blueprint.rules, seed);
        let rules = blueprint.rules.iter().zip(weights.iter().map(Vec::as_slice));
        let tensors = tensors_of(self.kind, rules)?;
        let file = write(&tensors, FileDType::F32, &[])?;
        Ok([
            MemorySource::new("config.json", Value::Object(config).to_string().into_bytes()),
            MemorySource::new("model.safetensors", file),
        ])
    }

    /// The model with initial weights, in an engine, ready to be trained.
    ///
    /// # Errors
    /// Sizes that the architecture refuses; short memory.
    pub async fn build(
        &self,
        engine: &mut Engine,
        d_vocab: usize,
        special: Special,
        seed: u64,
    ) -> Result<Model, ModelError> {
        let files = self.initial_checkpoint(d_vocab, special, seed)?;
        let checkpoint = Checkpoint::open(files.into()).await?;
        Model::load_parameters(engine, &checkpoint, &Control::default()).await
    }
}

/// A tensor of a checkpoint, in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct FileTensor {
    /// Its whole name.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// The tensors of a checkpoint from the weights, each with its rule.
///
/// # Errors
/// A weight that does not fit its rule.
pub fn tensors_of<'a>(
    kind: Kind,
    weights: impl Iterator<Item = (&'a WeightRule, &'a [f32])>,
) -> Result<Vec<FileTensor>, ModelError> {
    let (_, prefix, heads) = kind.class();
    let mut tensors: Vec<FileTensor> = Vec::new();
    for (rule, values) in weights {
        let is_head = heads.iter().any(|head| rule.source.starts_with(head));
        let name = format!("{}{}", if is_head { "" } else { prefix }, rule.source);
        let at = tensors.iter().position(|tensor| tensor.name == name).unwrap_or_else(|| {
            let (name, shape) = (name.clone(), rule.source_shape.clone());
            let n_values = shape.iter().product();
            tensors.push(FileTensor { name, shape, values: vec![0.0; n_values] });
            tensors.len() - 1
        });
        rule.put_back(values, &mut tensors[at].values).ok_or_else(|| {
            let problem = format!("{} values do not fit it", values.len());
            ModelError::malformed("model.safetensors", format!("tensor {name}"), problem)
        })?;
    }
    Ok(tensors)
}

/// The bytes of a safetensors file of f32 or f16, which transformers opens.
///
/// # Errors
/// Names that are there twice.
pub fn write(
    tensors: &[FileTensor],
    dtype: FileDType,
    metadata: &[(&str, String)],
) -> Result<Vec<u8>, ModelError> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| match dtype {
            FileDType::F16 => {
                let halves = tensor.values.iter().map(|&value| half::f16::from_f32(value));
                halves.flat_map(half::f16::to_le_bytes).collect()
            }
            _ => bytemuck::cast_slice(&tensor.values).to_vec(),
        })
        .collect();
    let views: Vec<TensorView<'_>> = tensors
        .iter()
        .zip(&bytes)
        .map(|(tensor, bytes)| TensorView {
            name: &tensor.name,
            dtype: if dtype == FileDType::F16 { dtype } else { FileDType::F32 },
            shape: &tensor.shape,
            bytes,
        })
        .collect();
    let mut pairs: std::collections::BTreeMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    // Without it transformers refuses the file.
    pairs.insert("format".to_owned(), "pt".to_owned());
    let mut file = Vec::new();
    safetensors::write(&mut file, &views, &pairs).map_err(|err| ModelError::Io {
        file: "model.safetensors".to_owned(),
        problem: err.to_string(),
    })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use vitrine_kernels::engine::cpu::CpuEngine;

    const KINDS: [Kind; 12] = [
        Kind::Gpt2,
        Kind::Llama,
        Kind::GptNeox,
        Kind::Bloom,
        Kind::Bert,
        Kind::Transformer,
        Kind::Bart,
        Kind::Gru,
        Kind::GruFixed,
        Kind::Lstm,
        Kind::Nano,
        Kind::NanoEncoder,
    ];

    fn tiny(kind: Kind) -> NanoConfig {
        NanoConfig { kind, n_layers: 2, d_model: 16, n_heads: 2, n_ctx: 12, ..Default::default() }
    }

    #[test]
    fn every_kind_opens_as_an_ordinary_checkpoint() {
        for kind in KINDS {
            let config = tiny(kind);
            let special = Special { pad: 0, start: 1, end: 2 };
            let files = config.initial_checkpoint(23, special, 5).expect("fits");
            let checkpoint = block_on(Checkpoint::open(files.into())).expect("opens");
            let mut engine = Engine::Cpu(CpuEngine::new());
            let control = Control::default();
            let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ()));
            let model = model.unwrap_or_else(|err| panic!("{kind:?}: {err}"));
            let n_layers = if matches!(kind, Kind::Gru | Kind::GruFixed) { 1 } else { 2 };
            let sizes = (model.spec().d_vocab, model.spec().n_layers);
            assert_eq!(sizes, (23, n_layers), "{kind:?}");
            assert!(model.spec().has_logits, "{kind:?}");
            assert_eq!(model.spec().causal, kind.is_causal(), "{kind:?}");
            assert_eq!(model.spec().has_cross(), kind.has_source(), "{kind:?}");
        }
    }

    #[test]
    fn every_choice_of_parts_opens() {
        let special = Special { pad: 0, start: 1, end: 2 };
        let choices = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect();
        let all: [(&str, Vec<String>); 6] = [
            ("norm_position", choices(&["pre", "post", "sandwich", "residual-dual"])),
            ("norm", choices(&["layer", "rms", "none"])),
            ("attention", choices(&["softmax", "linear", "delta"])),
            ("features", choices(&["identity", "elu", "relu", "dpfp1", "dpfp2", "dpfp3"])),
            ("positions", choices(&["none", "sinusoidal", "learned", "rotary", "alibi"])),
            ("activation", choices(&["relu", "gelu", "swiglu"])),
        ];
        let plain = serde_json::to_value(tiny(Kind::Nano)).expect("fields");
        for (field, values) in all {
            for value in values {
                let mut changed = plain.clone();
                changed[field] = serde_json::from_str(&value).expect("a text");
                if field == "features" {
                    changed["attention"] = Value::from("linear");
                }
                let config: NanoConfig = serde_json::from_value(changed).expect("a choice");
                let files = config.initial_checkpoint(23, special, 5).expect("fits");
                let checkpoint = block_on(Checkpoint::open(files.into())).expect("opens");
                let mut engine = Engine::Cpu(CpuEngine::new());
                let control = Control::default();
                let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ()));
                model.unwrap_or_else(|err| panic!("{field} = {value}: {err}"));
            }
        }
        let config = NanoConfig { attention: NanoAttention::Delta, ..tiny(Kind::NanoEncoder) };
        let err = config.initial_checkpoint(23, special, 5).expect_err("no order to write in");
        assert!(err.to_string().contains("attention"), "{err}");
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let special = Special { pad: 0, start: 1, end: 2 };
        let bytes = |seed| {
            let [_, weights] =
                tiny(Kind::Gpt2).initial_checkpoint(23, special, seed).expect("fits");
            block_on(crate::weights::source::read_all(&weights, u64::MAX)).expect("in memory")
        };
        assert_eq!(bytes(5), bytes(5));
        assert_ne!(bytes(5), bytes(6));
    }
}
