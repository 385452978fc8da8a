//! Statistics of activations.

use serde::{Deserialize, Serialize};

use crate::hook::{Hook, HookPoint};
use crate::trace::TraceTensor;

/// All numbers of a hook, over all tokens of a text, taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// `blocks.1.mlp.hook_post`.
    pub hook: String,
    /// Their mean.
    pub mean: f32,
    /// Their standard deviation.
    pub spread: f32,
    /// The largest magnitude.
    pub largest: f32,
    /// The share that is exactly 0: of units behind a ReLU those that are shut.
    pub zeros: f32,
}

impl Activation {
    /// The statistics of a tensor; of an empty one all are 0.
    pub fn of(tensor: &TraceTensor) -> Self {
        let n = tensor.values.len().max(1) as f64;
        let values = || tensor.values.iter().map(|&value| f64::from(value));
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        Self {
            hook: tensor.name(),
            mean: mean as f32,
            spread: variance.sqrt() as f32,
            largest: tensor.values.iter().fold(0.0, |most, value| f32::max(most, value.abs())),
            zeros: (values().filter(|&value| value == 0.0).count() as f64 / n) as f32,
        }
    }
}

/// Whether statistics are taken here: what leaves a layer, what its halves add, and the MLP's hidden units.
pub(super) fn is_watched(point: &HookPoint) -> bool {
    matches!(
        point.hook,
        Hook::AttnOut
            | Hook::CrossOut
            | Hook::MlpPost
            | Hook::MlpOut
            | Hook::ResidPost
            | Hook::RnnHidden
            | Hook::RnnBackHidden
    )
}
