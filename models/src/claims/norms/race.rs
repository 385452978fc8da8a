//! The race: the same model with its norms in one place or another, trained at one rate, with and without
//! steps in which the rate rises to it.

use serde::{Deserialize, Serialize};
use vitrine_kernels::{Control, Engine};

use super::super::{give_back, taken};
use super::{Place, config, is_measured};
use crate::error::ModelError;
use crate::train::schedule::Curve;
use crate::train::{Dataset, StepInfo, Trainer};

/// One runner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// Where its norms stand.
    pub place: Place,
    /// Layers.
    pub n_layers: u32,
    /// Width of the residual stream.
    pub d_model: u32,
    /// The rate of Adam once it has risen.
    pub rate: f32,
    /// Steps in which it rises; 0: none.
    pub warmup: u32,
    /// Steps.
    pub n_steps: u32,
    /// Of weights and data.
    pub seed: u32,
}

impl Race {
    /// Steps of a warm-up that is long enough here.
    pub const WARMUP: u32 = 100;
}

impl Default for Race {
    fn default() -> Self {
        Self {
            place: Place::Post,
            n_layers: 6,
            d_model: 32,
            rate: 5e-3,
            warmup: 0,
            n_steps: 240,
            seed: 0,
        }
    }
}

/// A step of a runner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stride {
    /// Its loss.
    pub loss: f32,
    /// The norm of all gradients together.
    pub norm: f32,
    /// Frobenius norm of the gradient of the MLP's second matrix, of each layer: what [`super::gradients`] is of
    /// before the first step. The recording has the sums anyway, for the norm of all; they are read back.
    pub layers: Vec<f32>,
}

/// Trains; each step comes as it is done. The engine as in
/// [`super::gradients`].
///
/// # Errors
/// Sizes that cannot be; what the engine reports; cancellation.
pub async fn race(
    engine: &mut Engine,
    race: &Race,
    told: &mut dyn FnMut(Stride),
    control: &Control,
) -> Result<(), ModelError> {
    let mut config = config(race.place, [race.n_layers, race.d_model], race.seed.into());
    config.run.n_steps = race.n_steps as usize;
    config.run.n_sequences = 16;
    config.optimiser.rate = race.rate;
    config.optimiser.beta2 = 0.98;
    config.schedule.curve = Curve::Constant;
    config.schedule.warmup = race.warmup as usize;
    config.data.difficulty = 1;
    let data = Dataset::new(&config, None)?;
    let mut trainer = Trainer::new(taken(engine), &config, &data).await?;
    let is_own: Vec<bool> = trainer.parameter_names().map(is_measured).collect();
    let stride = |(info, norms): (StepInfo, Vec<f32>)| {
        let own = norms.into_iter().zip(&is_own).filter(|(_, is_own)| **is_own);
        Stride { loss: info.loss, norm: info.norm, layers: own.map(|(norm, _)| norm).collect() }
    };
    let mut outcome = Ok(());
    for step in 0..config.run.n_steps {
        let done = match data.batch(step) {
            Ok(batch) => trainer.step_with_norms(&batch, true, control).await,
            Err(err) => Err(err),
        };
        match done {
            Ok(done) => told(stride(done)),
            Err(err) => {
                outcome = Err(err);
                break;
            }
        }
    }
    give_back(engine, trainer.into_engine());
    outcome
}
