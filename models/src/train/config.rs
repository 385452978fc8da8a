//! All that a run depends on beside the text: one struct, written as TOML, into checkpoints and
//! (what differs from the defaults) into addresses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nano::NanoConfig;
use super::noise::Objective;
use super::schedule::Schedule;
use crate::error::ModelError;

/// The name by which messages call the configuration.
const FILE: &str = "the configuration";

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Same seed, configuration, data and engine: same losses.
    pub seed: u64,
    /// What is trained.
    pub model: NanoConfig,
    /// On what.
    pub data: DataConfig,
    /// How parameters follow gradients.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// How long.
    pub run: RunConfig,
}

/// What a model is trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `text`, or the name of a task ([`super::tasks::TASKS`]).
    pub task: String,
    /// How hard the task is, from 1.
    pub difficulty: usize,
    /// What is predicted of a text.
    pub objective: Objective,
    /// How a text is cut into tokens.
    pub tokenizer: TokenizerKind,
    /// Tokens of a vocabulary that is made for the text.
    pub d_vocab: usize,
    /// The share of a text, at its end, that is held out.
    pub held_out: f32,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            task: "text".to_owned(),
            difficulty: 1,
            objective: Objective::default(),
            tokenizer: TokenizerKind::Characters,
            d_vocab: 2048,
            held_out: 0.05,
        }
    }
}

/// How a text is cut into tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerKind {
    /// A token a character.
    #[default]
    Characters,
    /// Byte pairs, merged by their counts (GPT-2's kind).
    ByteBpe,
    /// Pieces of lower-cased words (BERT's kind).
    WordPiece,
}

/// Which rule moves the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserKind {
    /// Against the gradient, perhaps with momentum.
    Sgd,
    /// Kingma and Ba 2014, arXiv 1412.6980.
    Adam,
    /// Loshchilov and Hutter 2017, arXiv 1711.05101.
    #[default]
    AdamW,
    /// Chen et al. 2023, arXiv 2302.06675.
    Lion,
    /// Matrices within the blocks by Muon (Jordan et al. 2024), all else by AdamW; the rate is AdamW's.
    Muon,
}

/// How parameters follow gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// The rule.
    pub kind: OptimiserKind,
    /// The learning rate at its peak.
    pub rate: f32,
    /// Memory of the mean of gradients (Adam, Lion).
    pub beta1: f32,
    /// Memory of the mean of their squares (Adam), or of the mean that is kept (Lion).
    pub beta2: f32,
    /// Added to the root (Adam).
    pub eps: f32,
    /// Memory of SGD and of Muon.
    pub momentum: f32,
    /// Weight decay of matrices and tables; vectors have none.
    pub decay: f32,
    /// The norm that all gradients together are cut down to; 0: never.
    pub max_norm: f32,
    /// The probability that the loss takes from the target and spreads over the vocabulary.
    pub smoothing: f32,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            kind: OptimiserKind::AdamW,
            rate: 1e-3,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            momentum: 0.9,
            decay: 0.1,
            max_norm: 1.0,
            smoothing: 0.0,
        }
    }
}

/// How long a run goes on, and what is looked at on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Steps.
    pub n_steps: usize,
    /// Sequences that run at once.
    pub n_sequences: usize,
    /// How many times so many make a step: their gradients are added up before the parameters move.
    pub n_accumulated: usize,
    /// Steps between two validations.
    pub validate_every: usize,
    /// Batches of a validation; 0: all that is held out.
    pub n_validation: usize,
    /// Validations without a better loss after which the run stops; 0: never.
    pub patience: usize,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            n_steps: 1000,
            n_sequences: 16,
            n_accumulated: 1,
            validate_every: 100,
            n_validation: 8,
            patience: 0,
        }
    }
}

impl TrainConfig {
    /// Whether a vocabulary for a text needs a mask and sentinels beside its end: of models that fill
    /// gaps, not of those that only go on.
    pub fn has_marks(&self) -> bool {
        self.model.kind.has_source() || !self.model.kind.is_causal()
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// A field that is unknown or of another type.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        serde_json::from_str(text)
            .map_err(|err| ModelError::config(FILE, "the document", err.to_string()))
    }

    /// As JSON, for checkpoints.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What differs from the defaults: `model.d_model=64&seed=3`.
    pub fn to_query(&self) -> String {
        let (own, default) = (flat(&self.to_value()), flat(&Self::default().to_value()));
        let pairs = own.iter().filter(|(name, value)| default.get(*name) != Some(value));
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// Reads what [`Self::to_query`] wrote.
    ///
    /// # Errors
    /// A field that is unknown or of another type.
    pub fn from_query(query: &str) -> Result<Self, ModelError> {
        let mut value = Self::default().to_value();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let pointer = format!("/{}", name.replace('.', "/"));
            let place = value.pointer_mut(&pointer).filter(|place| !place.is_object());
            let place = place.ok_or_else(|| {
                ModelError::config(FILE, crate::error::shown(name), "is no field of a run")
            })?;
            // A text that looks like a number stays one where a text is wanted.
            let parsed = if place.is_string() { None } else { serde_json::from_str(text).ok() };
            *place = parsed.unwrap_or_else(|| Value::from(text));
        }
        Self::from_json(&value.to_string())
    }

    /// Refuses what cannot be trained.
    ///
    /// # Errors
    /// The field, and what it must be.
    pub fn check(&self) -> Result<(), ModelError> {
        let refuse = |field: &str, problem: String| Err(ModelError::config(FILE, field, problem));
        let counts = [
            ("run.n_steps", self.run.n_steps),
            ("run.n_sequences", self.run.n_sequences),
            ("run.n_accumulated", self.run.n_accumulated),
            ("run.validate_every", self.run.validate_every),
            ("data.difficulty", self.data.difficulty),
        ];
        for (field, count) in counts {
            if count == 0 {
                return refuse(field, "is 0; at least 1 is needed".to_owned());
            }
        }
        if !(self.optimiser.rate.is_finite() && self.optimiser.rate > 0.0) {
            return refuse("optimiser.rate", format!("is {}", self.optimiser.rate));
        }
        let shares = [
            ("model.dropout", self.model.dropout),
            ("data.held_out", self.data.held_out),
            ("optimiser.smoothing", self.optimiser.smoothing),
        ];
        for (field, share) in shares {
            if !(0.0..1.0).contains(&share) {
                return refuse(field, format!("is {share}; 0 to below 1 is expected"));
            }
        }
        self.model.check()
    }

    fn to_value(&self) -> Value {
        // Through text, so that 0.1f32 is 0.1 rather than its nearest f64.
        serde_json::from_str(&self.to_json()).unwrap_or_default()
    }
}

/// The leaves of a document by their dotted names.
fn flat(value: &Value) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let dot = if prefix.is_empty() { "" } else { "." };
                    walk(&format!("{prefix}{dot}{name}"), value, leaves);
                }
            }
            Value::String(text) => drop(leaves.insert(prefix.to_owned(), text.clone())),
            other => drop(leaves.insert(prefix.to_owned(), other.to_string())),
        }
    }
    let mut leaves = BTreeMap::new();
    walk("", value, &mut leaves);
    leaves
}

#[cfg(test)]
mod tests {
    use super::super::nano::{Kind, NanoNormPosition};
    use super::*;

    #[test]
    fn an_address_holds_what_differs() {
        let mut config = TrainConfig::default();
        assert_eq!(config.to_query(), "");
        config.seed = 7;
        config.model.kind = Kind::Llama;
        config.model.d_model = 48;
        config.optimiser.rate = 3e-4;
        config.data.task = "dates".to_owned();
        config.model.norm_position = NanoNormPosition::ResidualDual;
        config.model.biases = false;
        let query = config.to_query();
        assert!(query.contains("model.kind=llama") && query.contains("seed=7"), "{query}");
        assert!(!query.contains("n_steps"), "{query}");
        assert_eq!(TrainConfig::from_query(&query), Ok(config));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (query, word) in [
            ("model.d_mdel=3", "d_mdel"),
            ("model=3", "model"),
            ("seed=x", "\"x\""),
            ("model.kind=rnn", "rnn"),
        ] {
            let err = TrainConfig::from_query(query).expect_err(query).to_string();
            assert!(err.contains(word), "{err}");
        }
        for (query, word) in [
            ("run.n_steps=0", "run.n_steps"),
            ("run.n_accumulated=0", "run.n_accumulated"),
            ("model.n_heads=5", "n_heads"),
            ("model.dropout=1", "model.dropout"),
            ("optimiser.rate=0", "optimiser.rate"),
        ] {
            let config = TrainConfig::from_query(query).expect(query);
            let err = config.check().expect_err(query).to_string();
            assert!(err.contains(word), "{err}");
        }
        assert_eq!(TrainConfig::default().check(), Ok(()));
    }
}
