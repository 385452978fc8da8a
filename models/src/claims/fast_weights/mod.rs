//! Fast weights (Schmidhuber 1991, 1992; Katharopoulos et al. 2020, arXiv 2006.16236; Choromanski et al.
//! 2020, arXiv 2009.14794; Schlag et al. 2021, arXiv 2102.11174), as Room 04 shows them: a few tokens walked
//! one by one ([`walk`]), and what the papers claim ([`capacity`], [`update`], [`favor`], [`timing`]).

pub mod capacity;
pub mod favor;
pub mod slow_net;
pub mod timing;
mod walk;

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::feature_map::{FeatureMap, Features};
use vitrine_kernels::{RecordError, Recorder, TensorId};

use crate::directions::{Draw, directions};
use crate::sample::Random;
pub use walk::{Tokens, Walk, walk};

/// Added to sums that divide.
const EPS: f32 = 1e-9;

/// A feature map, by what a visitor can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Map {
    /// elu(x) + 1 (Katharopoulos et al. 2020).
    #[default]
    Elu,
    /// The positive part.
    Relu,
    /// DPFP-ν (Schlag et al. 2021): ν shifts.
    Dpfp(u8),
    /// FAVOR+ (Choromanski et al. 2020): positive features of random orthogonal directions.
    Favor,
    /// x itself.
    Identity,
}

impl Map {
    /// As the kernels name it.
    pub fn features(self) -> Features {
        match self {
            Self::Elu => Features::EluPlusOne,
            Self::Relu => Features::Relu,
            Self::Dpfp(shifts) => Features::Dpfp(shifts.into()),
            Self::Favor => Features::FavorPositive,
            Self::Identity => Features::Identity,
        }
    }

    /// Features of a key of `d_key` columns, with `m` random directions where it has such.
    pub fn width(self, d_key: usize, m: usize) -> usize {
        self.features().width(d_key, m)
    }
}

/// How fast weights are written and read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// φ.
    pub map: Map,
    /// Directions of FAVOR+, m.
    pub n_directions: u32,
    /// Whether a read-out is divided by the sum of its weights. The delta rule has features that sum to one
    /// instead, and the identity, whose features may be below zero, has nothing to divide by.
    pub normalised: bool,
    /// Whether a write first takes away what its key reads (the delta rule).
    pub delta: bool,
    /// β of the delta rule, 0 to 1.
    pub beta: f32,
    /// What a token keeps of the weights before it, above 0, at most 1.
    pub keep: f32,
    /// Tokens of a chunk, 1 to 64.
    pub chunk: u32,
    /// Of the directions.
    pub seed: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            map: Map::Elu,
            n_directions: 64,
            normalised: true,
            delta: false,
            beta: 1.0,
            keep: 1.0,
            chunk: 4,
            seed: 1,
        }
    }
}

impl Rules {
    /// Whether read-outs are divided by the sum of their weights.
    pub fn has_sum(&self) -> bool {
        self.normalised && !self.delta && self.map != Map::Identity
    }

    /// Random directions, `[m, d_key]`; empty where the map needs none.
    fn omega(&self, d_key: usize) -> Vec<f32> {
        if self.map != Map::Favor {
            return Vec::new();
        }
        let mut random = Random::from_seed(self.seed.into());
        directions(Draw::Orthogonal, self.n_directions as usize, d_key, &mut random)
    }
}

/// Records φ, with features that sum to one where they are for the delta rule. `x` is `[T, d_key]`.
fn mapped(
    recorder: &mut Recorder,
    x: TensorId,
    omega: Option<TensorId>,
    map: Map,
    sums_to_one: bool,
) -> Result<TensorId, RecordError> {
    let d_head = recorder.shape(x).n_cols();
    let op = FeatureMap { features: map.features(), d_head };
    let mapped = recorder.feature_map(x, omega, op)?;
    if sums_to_one { recorder.sum_normalised(mapped, 1, EPS) } else { Ok(mapped) }
}
