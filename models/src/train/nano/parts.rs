//! What the parts of a nano can be, by the names that its config.json has ([`crate::arch`]'s
//! `vitrine-nano`).

use serde::{Deserialize, Serialize};

/// Where the norms of a nano's blocks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NanoNormPosition {
    /// Before attention and MLP.
    #[default]
    Pre,
    /// After each sum.
    Post,
    /// Before and after each part.
    Sandwich,
    /// After each sum, beside a second stream (ResiDual).
    ResidualDual,
}

/// Which norm a nano has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanoNorm {
    /// LayerNorm.
    #[default]
    Layer,
    /// RMSNorm.
    Rms,
    /// None.
    None,
}

/// How a nano's tokens ask each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanoAttention {
    /// By softmax of scaled products.
    #[default]
    Softmax,
    /// By products of mapped queries and keys: fast weights under the sum rule.
    Linear,
    /// By fast weights under the delta rule.
    Delta,
}

/// What maps queries and keys where there is no softmax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanoFeatures {
    /// Nothing.
    Identity,
    /// elu(x) + 1.
    #[default]
    Elu,
    /// The positive part.
    Relu,
    /// DPFP-1.
    Dpfp1,
    /// DPFP-2.
    Dpfp2,
    /// DPFP-3.
    Dpfp3,
}

/// How positions enter a nano.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanoPositions {
    /// Not at all.
    None,
    /// Sines and cosines, added.
    Sinusoidal,
    /// A learned table, added.
    #[default]
    Learned,
    /// Queries and keys turn.
    Rotary,
    /// Scores fall with the distance.
    Alibi,
}
