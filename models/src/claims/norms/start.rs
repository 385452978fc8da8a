//! Before the first step: the gradient of each layer, and how large and how alike its outputs are.

use serde::{Deserialize, Serialize};
use vitrine_kernels::{Control, Engine};

use super::{Place, config};
use crate::arch::Model;
use crate::error::ModelError;
use crate::hook::Hook;
use crate::session::{Input, Options, Session, Tap, cosine};
use crate::trace::Trace;
use crate::train::checkpoint::model_files;
use crate::train::config::OptimiserKind;
use crate::train::nano::NanoPositions;
use crate::train::{Dataset, TrainConfig, Trainer};
use crate::weights::{Checkpoint, FileDType, MemorySource};

/// Sequences of a batch.
const N_SEQUENCES: usize = 8;
/// Batches that a gradient is the mean of.
const N_BATCHES: usize = 4;
/// So small that no weight moves.
const NO_RATE: f32 = 1e-30;

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// That of the paper's analysis: queries are zero, so that all weights of attention are equal;
    /// embeddings are normal with the variance 1, and there are no positions; the MLP is as wide as the
    /// stream.
    Analysis,
    /// One as people train it: sinusoids, and an MLP four times as wide.
    Usual,
}

/// What there is before the first step, layer by layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Frobenius norm of the gradient of the MLP's second matrix.
    pub gradients: Vec<f64>,
    /// Mean of ‖x‖²/d over tokens, after the MLP's sum and before any norm that follows.
    pub sizes: Vec<f64>,
    /// Mean cosine of what a layer gives with what the layer before it gave, from the second layer on. Of
    /// two streams that is what the head would read, x_a + LN(x_d).
    pub cosines: Vec<f64>,
}

/// Measures a model of `n_layers` layers and `d` columns; the mean over some batches of one seed. The engine
/// is empty afterwards.
///
/// # Errors
/// Sizes that cannot be; what the engine reports; cancellation.
pub async fn start(
    engine: &mut Engine,
    place: Place,
    setting: Setting,
    sizes: [u32; 2],
    seed: u64,
    control: &Control,
) -> Result<Start, ModelError> {
    let mut config = config(place, sizes, seed);
    if setting == Setting::Analysis {
        config.model.positions = NanoPositions::None;
        config.model.d_mlp = config.model.d_model;
    }
    config.data.difficulty = 3;
    config.run.n_sequences = N_SEQUENCES;
    config.optimiser.kind = OptimiserKind::Sgd;
    config.optimiser.rate = NO_RATE;
    let data = Dataset::new(&config, None)?;
    let own = std::mem::replace(engine, Engine::Cpu(Default::default()));
    let mut trainer = Trainer::new(own, &config, &data).await?;
    let outcome = measure(&mut trainer, &config, setting, &data, control).await;
    let mut own = trainer.into_engine();
    own.clear();
    *engine = own;
    let (gradients, files) = outcome?;
    let own = std::mem::replace(engine, Engine::Cpu(Default::default()));
    let (own, streams) = streams(own, files, &data, control).await;
    *engine = own;
    engine.clear();
    let (sizes, cosines) = of_streams(&streams?, place, config.model.d_model);
    Ok(Start { gradients, sizes, cosines })
}

type Files = Vec<(&'static str, Vec<u8>)>;

/// Gradients, and the model's files.
async fn measure(
    trainer: &mut Trainer,
    config: &TrainConfig,
    setting: Setting,
    data: &Dataset,
    control: &Control,
) -> Result<(Vec<f64>, Files), ModelError> {
    let mut memory = trainer.memory().await?;
    if setting == Setting::Usual {
        memory.clear();
    }
    let width = (config.model.d_model as f32).sqrt();
    for tensor in &mut memory {
        if tensor.name.ends_with("attn.W_Q") {
            tensor.values.fill(0.0);
        } else if tensor.name.ends_with("embed.W_E") {
            // Xavier's tables have the variance 1/d.
            tensor.values.iter_mut().for_each(|value| *value *= width);
        }
    }
    if setting == Setting::Analysis {
        trainer.recall(&memory, 0)?;
    }
    let is_last: Vec<bool> =
        trainer.parameter_names().map(|name| name.ends_with("mlp.W_out")).collect();
    let mut gradients = vec![0.0; config.model.n_layers];
    for step in 0..N_BATCHES {
        let batch = data.batch(step)?;
        let (_, norms) = trainer.step_with_norms(&batch, true, control).await?;
        let own = norms.iter().zip(&is_last).filter(|(_, is_last)| **is_last);
        for (sum, (norm, _)) in gradients.iter_mut().zip(own) {
            *sum += f64::from(*norm) / N_BATCHES as f64;
        }
    }
    let files = model_files(trainer, config, data.vocabulary(), FileDType::F32).await?;
    Ok((gradients, files))
}

/// What the layers give for the sequences of a batch, and the engine.
async fn streams(
    mut engine: Engine,
    files: Files,
    data: &Dataset,
    control: &Control,
) -> (Engine, Result<Vec<Trace>, ModelError>) {
    let sources = files.into_iter().map(|(name, bytes)| MemorySource::new(name, bytes));
    let opened = async {
        let checkpoint = Checkpoint::open(sources.collect()).await?;
        Model::load(&mut engine, &checkpoint, control, &mut |_| ()).await
    };
    let model = match opened.await {
        Ok(model) => model,
        Err(err) => return (engine, Err(err)),
    };
    let hooks = [Hook::ResidPost, Hook::NormalizedResidPost, Hook::ResidDual];
    let points: Vec<_> =
        model.spec().points().into_iter().filter(|point| hooks.contains(&point.hook)).collect();
    let options = Options::trace(model.spec(), points.iter().map(|point| point.hook));
    // The engine would be lost with a session that cannot start; there is no text yet, so that it can.
    let mut session = match Session::new(engine, model, options) {
        Ok(session) => session,
        Err(err) => return (Engine::Cpu(Default::default()), Err(err)),
    };
    let taps: Vec<_> = points.into_iter().map(Tap::of).collect();
    let traces = traces(&mut session, &taps, data, control).await;
    (session.into_engine().0, traces)
}

async fn traces(
    session: &mut Session,
    taps: &[Tap],
    data: &Dataset,
    control: &Control,
) -> Result<Vec<Trace>, ModelError> {
    let batch = data.batch(0)?;
    let mut traces = Vec::new();
    for ids in batch.ids.chunks(data.lengths()[0]) {
        session.set_tokens(&Input::from(ids), control).await?;
        traces.push(session.read(taps, control).await?);
    }
    Ok(traces)
}

/// Sizes and cosines, layer by layer, over all tokens of all traces.
fn of_streams(traces: &[Trace], place: Place, d: usize) -> (Vec<f64>, Vec<f64>) {
    let values = |trace: &Trace, hook: Hook| -> Vec<Vec<f32>> {
        let own = trace.tensors().iter().filter(|tensor| tensor.point.hook == hook);
        own.map(|tensor| tensor.values.to_vec()).collect()
    };
    let (mut sizes, mut cosines) = (Vec::<f64>::new(), Vec::<f64>::new());
    let mut n_rows = 0;
    for trace in traces {
        let sums = values(trace, Hook::ResidPost);
        let given = match place {
            Place::Pre => sums.clone(),
            Place::Post => values(trace, Hook::NormalizedResidPost),
            Place::Dual => {
                let (a, dual) =
                    (values(trace, Hook::NormalizedResidPost), values(trace, Hook::ResidDual));
                a.iter().zip(&dual).map(|(a, dual)| both(a, dual, d)).collect()
            }
        };
        sizes.resize(sums.len(), 0.0);
        cosines.resize(sums.len().saturating_sub(1), 0.0);
        n_rows += sums.first().map_or(0, |layer| layer.len() / d);
        for (sum, layer) in sizes.iter_mut().zip(&sums) {
            *sum += layer.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / d as f64;
        }
        for (sum, pair) in cosines.iter_mut().zip(given.windows(2)) {
            let rows = pair[0].chunks_exact(d).zip(pair[1].chunks_exact(d));
            *sum += rows.map(|(a, b)| f64::from(cosine(a, b))).sum::<f64>();
        }
    }
    let means = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / n_rows as f64).collect();
    (means(sizes), means(cosines))
}

/// x_a + LN(x_d), whose gain is 1 before the first step.
fn both(a: &[f32], dual: &[f32], d: usize) -> Vec<f32> {
    let rows = a.chunks_exact(d).zip(dual.chunks_exact(d));
    rows.flat_map(|(a, dual)| {
        let mean = dual.iter().sum::<f32>() / d as f32;
        let variance = dual.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / d as f32;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        a.iter().zip(dual).map(move |(a, x)| a + (x - mean) * scale)
    })
    .collect()
}
