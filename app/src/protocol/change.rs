//! What the loaded model would predict if something of it were otherwise.

use serde::{Deserialize, Serialize};

use super::RunId;

/// A change to look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeAsk {
    /// The page's count of changes; only the last one is shown.
    pub no: u32,
    /// Of which run's text.
    pub run: RunId,
    /// What is otherwise.
    pub of: ChangeOf,
}

/// What is otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum ChangeOf {
    /// RMSNorm in the place of LayerNorm, or the other way, everywhere.
    #[default]
    OtherNorm,
    /// Another output of one head, `[n, d_head]`, for the first n tokens.
    Head {
        /// Its layer.
        layer: u32,
        /// Its place in the layer.
        head: u32,
        /// Row-major.
        values: Vec<f32>,
    },
}

/// What comes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// As it was asked.
    pub no: u32,
    /// Of which run's text.
    pub run: RunId,
    /// KL divergence of the prediction after each token, before from after, nats.
    pub divergences: Vec<f32>,
    /// Tokens that are likely next, before or after: text, probability before, probability after.
    pub next: Vec<(String, f32, f32)>,
    /// Why there is nothing; empty where there is.
    pub why_not: String,
}
