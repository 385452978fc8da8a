//! The architectures: one file each, and one line in [`ARCHITECTURES`].
//!
//! A file says how a configuration is read into a [`ModelSpec`] and under which names a checkpoint
//! keeps the weights. What the model computes follows from the [`ModelSpec`]: one forward pass
//! ([`pass`]) serves them all.

pub(crate) mod batch;
mod batch_recurrent;
pub mod forward;
mod forward_fast;
mod forward_recurrent;
mod load;
mod matrices;
mod names;
pub(crate) mod pass;
pub mod rules;
mod sizes;
pub mod spec;

mod awd_lstm;
mod bahdanau;
mod bart;
mod bergamot;
mod bert;
mod bloom;
mod distilbert;
mod electra;
mod esm;
mod gemma;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod gptj;
mod llama;
mod mistral;
pub(crate) mod nano;
mod openai_gpt;
mod opt;
mod phi;
mod qwen2;
mod qwen3;
mod recurrent;
mod roberta;
mod stablelm;
mod t5;
mod transformer;

use std::collections::HashMap;

pub use forward::Forward;
pub use load::{LoadProgress, Model, NormWeights, Part, Products};
pub use matrices::{Matrices, Matrix};
pub use rules::WeightRule;
pub use spec::{Counted, FastWeights, Mixer, ModelSpec, NormKind, NormPosition, Positions};

use crate::error::ModelError;
use crate::weights::{ConfigFields, TensorEntry};
use names::Names;

/// All architectures, in the order of the documentation.
pub const ARCHITECTURES: &[&ArchEntry] = &[
    &openai_gpt::ENTRY,
    &gpt2::ENTRY,
    &gpt_neo::ENTRY,
    &gptj::ENTRY,
    &gpt_neox::ENTRY,
    &opt::ENTRY,
    &bloom::ENTRY,
    &llama::ENTRY,
    &mistral::ENTRY,
    &qwen2::ENTRY,
    &qwen3::ENTRY,
    &gemma::ENTRY,
    &phi::ENTRY,
    &stablelm::ENTRY,
    &bert::ENTRY,
    &roberta::ENTRY,
    &distilbert::ENTRY,
    &electra::ENTRY,
    &esm::ENTRY,
    &transformer::ENTRY,
    &t5::ENTRY,
    &bart::ENTRY,
    &bart::MARIAN,
    &bart::BLENDERBOT,
    &bergamot::ENTRY,
    &bahdanau::ENTRY,
    &awd_lstm::ENTRY,
    &nano::ENTRY,
];

/// One line of the list.
pub struct ArchEntry {
    /// The name in [`ModelSpec::architecture`].
    pub name: &'static str,
    /// Values of `model_type` in config.json.
    pub model_types: &'static [&'static str],
    /// Values of `general.architecture` in GGUF.
    pub gguf_names: &'static [&'static str],
    /// Prefixes that weight names may or may not have, in their order.
    pub prefixes: &'static [&'static str],
    /// Tensors that can be left aside (globs, without prefix): masks, tables that follow from the
    /// configuration, heads of other tasks.
    pub ignored: &'static [&'static str],
    /// Reads the configuration.
    pub build: fn(&Description<'_>) -> Result<Blueprint, ModelError>,
}

/// A model's structure: its sizes and kinds, and its weights.
pub struct Blueprint {
    /// Sizes and kinds.
    pub spec: ModelSpec,
    /// The weights that it wants.
    pub rules: Vec<WeightRule>,
    /// Tensors that it has no use for, such as a tied head written out again.
    pub ignored: Vec<String>,
    /// f32 tensors that follow from the configuration: name, shape, values.
    pub constants: Vec<(&'static str, Vec<usize>, Vec<f32>)>,
}

impl Blueprint {
    /// A model of these sizes with these weights.
    fn new(spec: ModelSpec, names: &Names<'_>, description: &Description<'_>) -> Self {
        Self::of_rules(names.rules(&spec, description), spec)
    }

    /// An encoder–decoder: the names of what both share or only the decoder has, and those of the
    /// encoder.
    fn pair(spec: ModelSpec, names: [&Names<'_>; 2], description: &Description<'_>) -> Self {
        let [encoder, decoder] = names;
        let (mut rules, mut ignored) = (Vec::new(), Vec::new());
        if let Some(source) = &spec.encoder {
            (rules, ignored) = encoder.rules(source, description);
        }
        let (own_rules, own_ignored) = decoder.rules(&spec, description);
        rules.extend(own_rules);
        ignored.extend(own_ignored);
        Self::of_rules((rules, ignored), spec)
    }

    fn of_rules((rules, ignored): (Vec<WeightRule>, Vec<String>), spec: ModelSpec) -> Self {
        let mut constants = Vec::new();
        if spec.has_embed_factors() {
            constants.push((pass::ONES, vec![spec.d_embed, 1], vec![1.0; spec.d_embed]));
        }
        Self { spec, rules, ignored, constants }
    }

    /// With the tables of sines and cosines, where positions are such.
    fn with_sinusoids(mut self, half_split: bool) -> Self {
        if self.spec.positions == Positions::Sinusoidal {
            let (n, d) = (self.spec.n_ctx, self.spec.d_embed);
            self.constants.push(("pos_embed.W_pos", vec![n, d], sinusoids(n, d, half_split)));
        }
        self
    }

    /// With divisors of the rotary frequencies, unless the file has its own.
    fn with_rope_factors(mut self, factors: Option<Vec<f32>>) -> Self {
        let is_in_file = self.rules.iter().any(|rule| rule.name == load::ROPE_FACTORS);
        if let Some(factors) = factors.filter(|_| !is_in_file) {
            self.constants.push((load::ROPE_FACTORS, vec![factors.len()], factors));
        }
        self
    }
}

/// Sines and cosines of each position times falling frequencies, `[n, d]` (Vaswani et al. 2017,
/// arXiv 1706.03762): in turns, or (`half_split`) all sines before all cosines.
pub(crate) fn sinusoids(n: usize, d: usize, half_split: bool) -> Vec<f32> {
    let n_sines = d.div_ceil(2);
    let cell = |position: usize, col: usize| {
        let (pair, is_cosine) = match half_split {
            true => (col % n_sines, col >= n_sines),
            false => (col / 2, col % 2 == 1),
        };
        let angle = position as f64 / 10_000f64.powf(2.0 * pair as f64 / d as f64);
        (if is_cosine { angle.cos() } else { angle.sin() }) as f32
    };
    (0..n * d).map(|at| cell(at / d, at % d)).collect()
}

/// What an architecture is built from.
pub struct Description<'a> {
    /// The configuration.
    pub config: ConfigFields<'a>,
    /// The tensors by name, without the prefixes.
    pub tensors: HashMap<&'a str, &'a TensorEntry>,
}

impl Description<'_> {
    /// Whether the file has a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// One axis of a tensor's shape.
    pub fn axis(&self, name: &str, axis: usize) -> Option<usize> {
        self.tensors.get(name).and_then(|entry| entry.shape.get(axis)).copied()
    }

    /// Rows of the embedding: the tensor's where the configuration is silent.
    ///
    /// # Errors
    /// If neither says.
    pub fn d_vocab(&self, field: &str, embedding: &str) -> Result<usize, ModelError> {
        match (self.config.opt_count(field)?, self.axis(embedding, 0)) {
            (Some(d_vocab), _) | (None, Some(d_vocab)) => Ok(d_vocab),
            (None, None) => self.config.count(field),
        }
    }
}
