//! The architectures: one file each, and one line in [`ARCHITECTURES`].
//!
//! A file holds the configuration (with the field names of the checkpoint), the map from the
//! checkpoint's weight names to the canonical ones, and the forward pass: a function that fills a
//! recording through [`Forward`].

pub mod forward;
mod load;
pub mod rules;
pub mod spec;

mod bert;
mod gpt2;
mod llama;

use std::collections::HashMap;

use vitrine_kernels::TensorId;

pub use forward::Forward;
pub use load::{LoadProgress, Model, NormWeights};
pub use rules::WeightRule;
pub use spec::{ModelSpec, NormKind, NormPosition, Positions};

use crate::error::ModelError;
use crate::hook::Hook;
use crate::weights::{ConfigFields, TensorEntry};

/// All architectures, in the order of the documentation.
pub const ARCHITECTURES: &[&ArchEntry] = &[&gpt2::ENTRY, &llama::ENTRY, &bert::ENTRY];

/// One line of the list.
pub struct ArchEntry {
    /// The name in [`ModelSpec::architecture`].
    pub name: &'static str,
    /// Values of `model_type` in config.json.
    pub model_types: &'static [&'static str],
    /// Values of `general.architecture` in GGUF.
    pub gguf_names: &'static [&'static str],
    /// Prefixes that weight names may or may not have.
    pub prefixes: &'static [&'static str],
    /// Reads the configuration.
    pub build: fn(&Description<'_>) -> Result<Box<dyn Architecture>, ModelError>,
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

/// A model's structure: its sizes, its weights, its forward pass.
pub trait Architecture {
    /// Sizes and kinds.
    fn spec(&self) -> &ModelSpec;

    /// The weights that it wants.
    fn rules(&self) -> Vec<WeightRule>;

    /// Small f32 vectors that follow from the configuration.
    fn constants(&self) -> Vec<(String, Vec<f32>)> {
        Vec::new()
    }

    /// Whether a tensor of the file can be left aside (without prefix): masks, tables that follow
    /// from the configuration, heads of other tasks.
    fn ignores(&self, tensor: &str) -> bool;

    /// Records the pass from token ids to the last block's output, `[T, d_model]`.
    ///
    /// # Errors
    /// If the recording refuses an op.
    fn body(&self, f: &mut Forward<'_>) -> Result<TensorId, ModelError>;

    /// Records what stands between the last block and the head, `[n, d_model]` → alike: the final
    /// norm, where there is one.
    ///
    /// # Errors
    /// If the recording refuses an op.
    fn final_norm(&self, f: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError>;

    /// Records the head over the vocabulary, `[n, d_model]` → `[n, d_vocab]`. Called only where
    /// [`ModelSpec::has_logits`].
    ///
    /// # Errors
    /// If the recording refuses an op.
    fn unembed(&self, f: &mut Forward<'_>, x: TensorId) -> Result<TensorId, ModelError>;

    /// Records the heads over the first token's row `[1, d_model]`.
    ///
    /// # Errors
    /// If the recording refuses an op.
    fn pooled(
        &self,
        _f: &mut Forward<'_>,
        _first_row: TensorId,
    ) -> Result<Vec<(Hook, TensorId)>, ModelError> {
        Ok(Vec::new())
    }
}
