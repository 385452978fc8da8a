//! A translation as it is searched for.

use serde::{Deserialize, Serialize};

use super::RunId;

/// A search for the target text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Of which run.
    pub run: RunId,
    /// Hypotheses side by side.
    pub n_beams: u32,
    /// Whether the search has ended.
    pub is_done: bool,
    /// The best hypothesis as a text.
    pub text: String,
    /// Its last node.
    pub chosen: Option<u32>,
    /// All candidates, step by step, the best of a step first.
    pub nodes: Vec<BeamNode>,
    /// Those that have ended, best first.
    pub hypotheses: Vec<Hypothesis>,
}

/// A candidate of one step of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeamNode {
    /// The node that it follows; none at the start.
    pub parent: Option<u32>,
    /// Vocabulary index of the token that it adds.
    pub id: u32,
    /// Printable form.
    pub text: String,
    /// ln p of that token.
    pub log_p: f32,
    /// Sum of ln p since the start.
    pub score: f32,
    /// Tokens since the start.
    pub n_tokens: u32,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It was among the beams.
    Kept,
    /// It ended, and was taken among the hypotheses.
    Ended,
    /// Others were better.
    Dropped,
}

/// A hypothesis that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Its last node.
    pub node: u32,
    /// Its score for its length.
    pub score: f32,
    /// Its text.
    pub text: String,
}
