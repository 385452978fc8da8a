//! What went wrong, and where that is said.

use serde::{Deserialize, Serialize};

/// A failure, in words for the visitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where it belongs on screen.
    pub place: FaultPlace,
    /// What went wrong: file, field, value, limit.
    pub what: String,
    /// What to do.
    pub advice: String,
    /// What the file says of its model, where one was opened: fields and values.
    pub facts: Vec<(String, String)>,
}

impl Fault {
    /// A fault without facts.
    pub fn new(place: FaultPlace, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place, what: what.into(), advice: advice.into(), facts: Vec::new() }
    }
}

/// Where a fault belongs on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultPlace {
    /// The engine's badge.
    Engine,
    /// The model picker.
    Model,
    /// The text and its run.
    Run,
    /// An export or a comparison.
    Panel,
}
