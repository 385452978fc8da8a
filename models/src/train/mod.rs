//! Training: from a configuration and a text or a task to an ordinary checkpoint.
//!
//! A model in training is a [`crate::Model`] whose weights are states of the engine
//! ([`crate::Model::load_parameters`]); its forward pass is the one that everything else runs
//! ([`crate::arch::Forward`]), over a packed batch. Behind it the loss, the backward recording and
//! the optimiser's ops are recorded once and replayed; what changes from step to step are inputs.
//!
//! What comes out opens like any other model: config.json and model.safetensors of one of the
//! architectures, and tokenizer.json.

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod init;
pub mod nano;
pub mod ngram;
pub mod noise;
pub mod random;
pub mod schedule;
pub mod tasks;
pub mod vocabulary;

mod activation;
mod recordings;
mod snapshot;
mod trainer;

#[cfg(feature = "tokenize")]
pub mod merges;

pub use activation::Activation;
pub use config::{DataConfig, OptimiserConfig, RunConfig, TrainConfig};
pub use data::{Dataset, Sequences};
pub use nano::{Kind, NanoConfig};
pub use schedule::Schedule;
pub use snapshot::{Frozen, Snapshot};
pub use trainer::{Moves, Score, StepInfo, Trainer};
pub use vocabulary::Vocabulary;
