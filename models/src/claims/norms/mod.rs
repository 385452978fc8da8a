//! Where the norms stand (Xiong et al. 2020, arXiv 2002.04745; ResiDual: Xie et al. 2023, arXiv
//! 2304.14802), as Room 03 shows it: what gradients and the residual stream are before the first step
//! ([`start`]), and the race with and without warm-up ([`race`]).

mod race;
mod start;

use serde::{Deserialize, Serialize};

use crate::train::config::OptimiserKind;
use crate::train::init::Init;
use crate::train::nano::{Kind, NanoNormPosition, NanoPositions};
use crate::train::{NanoConfig, TrainConfig};
pub use race::{Race, Stride, race};
pub use start::{Setting, Streams, gradients, streams};

/// Where the norms of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// After each sum: `x ← LN(x + F(x))`.
    Post,
    /// Before each part, and one at the end: `x ← x + F(LN(x))`.
    Pre,
    /// After each sum, beside a stream that is never normed but at the end.
    Dual,
}

impl Place {
    /// All, in the order of the screen.
    pub const ALL: [Self; 3] = [Self::Post, Self::Pre, Self::Dual];

    fn of_nano(self) -> NanoNormPosition {
        match self {
            Self::Post => NanoNormPosition::Post,
            Self::Pre => NanoNormPosition::Pre,
            Self::Dual => NanoNormPosition::ResidualDual,
        }
    }
}

/// What the models that are compared have in common: the task, Xavier's first weights, ReLU.
fn config(place: Place, [n_layers, d_model]: [u32; 2], seed: u64) -> TrainConfig {
    let model = NanoConfig {
        kind: Kind::Nano,
        n_layers: n_layers as usize,
        d_model: d_model as usize,
        n_heads: 2,
        n_ctx: 64,
        tied: false,
        norm_position: place.of_nano(),
        positions: NanoPositions::Sinusoidal,
        activation: "relu".to_owned(),
        init: Init::Xavier,
        ..NanoConfig::default()
    };
    let mut config = TrainConfig { model, seed, ..TrainConfig::default() };
    config.data.task = "reversal".to_owned();
    config.optimiser.kind = OptimiserKind::Adam;
    config.optimiser.decay = 0.0;
    config.optimiser.max_norm = 0.0;
    config
}

/// Whether a parameter is what a layer's gradient is taken of: the second matrix of its MLP; the decoder's, of a pair.
fn is_measured(name: &str) -> bool {
    name.ends_with("mlp.W_out") && !name.starts_with("encoder")
}
