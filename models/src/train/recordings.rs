//! The two recordings of a run: a step (forward, loss, backward, update) and a validation.

use vitrine_kernels::ops::cross_entropy::CrossEntropy;
use vitrine_kernels::ops::update::Rule;
use vitrine_kernels::{DType, Recording, Shape, StateId, TensorId};

use super::config::{OptimiserConfig, OptimiserKind};
use crate::arch::batch::Batch;
use crate::arch::forward::RunInput;
use crate::arch::{Forward, Model, pass};
use crate::error::ModelError;

/// A parameter, and what its optimiser remembers of it.
pub(super) struct Parameter {
    /// The canonical name.
    pub name: String,
    pub shape: Shape,
    pub state: StateId,
    pub moments: Vec<StateId>,
}

/// What moves a parameter of this shape: vectors do not decay.
pub(super) fn rule_of(config: &OptimiserConfig, shape: Shape) -> Rule {
    let &OptimiserConfig { momentum, beta1, beta2, eps, .. } = config;
    let decay = if shape.dims().len() > 1 { config.decay } else { 0.0 };
    match config.kind {
        OptimiserKind::Sgd => Rule::Sgd { momentum, nesterov: false, decay },
        OptimiserKind::Adam => Rule::Adam { beta1, beta2, eps, decay, decoupled: false },
        OptimiserKind::AdamW => Rule::Adam { beta1, beta2, eps, decay, decoupled: true },
        OptimiserKind::Lion => Rule::Lion { beta1, beta2, decay },
    }
}

/// What a run of a recording uploads beside what the pass asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// What the pass asks for.
    Pass(RunInput),
    /// Targets, `[B·T]`.
    Targets,
    /// The constants of a step, `[8]`.
    Constants,
}

/// A step.
pub(super) struct StepRecording {
    pub recording: Recording,
    pub uploads: Vec<Upload>,
    /// `[1]`.
    pub loss: TensorId,
    /// `[2]` for each parameter: Σ g² of its own, and of all up to it.
    pub norms: Vec<TensorId>,
    /// What a watched step keeps beside that.
    pub watched: Watched,
}

/// What is to be seen of a step, one a parameter; empty where nobody watches.
#[derive(Default)]
pub(super) struct Watched {
    /// The gradients.
    pub gradients: Vec<TensorId>,
    /// `[2]`: Σ θ² before the step, first.
    pub sizes: Vec<TensorId>,
    /// `[2]`: Σ Δθ² of the step, first.
    pub moves: Vec<TensorId>,
}

/// A validation.
pub(super) struct ScoreRecording {
    pub recording: Recording,
    pub uploads: Vec<Upload>,
    /// `[B·T, 2]`: the loss of a row first.
    pub rows: TensorId,
    /// The likeliest token of each row, `[B·T]`.
    pub told: TensorId,
}

/// Logits `[B·T, d_vocab]` of a batch.
fn logits(f: &mut Forward<'_>, model: &Model) -> Result<TensorId, ModelError> {
    let x = pass::body(f)?;
    let mut y = pass::final_norm(f, x)?;
    if model.spec().has_cross() {
        f.turn_to_target();
        pass::cross_keys(f, y)?;
        let x = pass::body(f)?;
        y = pass::final_norm(f, x)?;
    }
    pass::unembed(f, y)
}

pub(super) fn record_step(
    model: &Model,
    batch: Batch,
    parameters: &[Parameter],
    config: &OptimiserConfig,
    is_watched: bool,
) -> Result<StepRecording, ModelError> {
    let mut f = Forward::of_batch(model, batch);
    let logits = logits(&mut f, model)?;
    let n_rows = batch.n_rows(model.spec().stack);
    let recorder = f.recorder();
    let targets = recorder.input([n_rows], DType::U32);
    let constants = recorder.input([8], DType::F32);
    let uploads = [Upload::Targets, Upload::Constants];
    let smoothing = CrossEntropy { smoothing: config.smoothing };
    let loss = recorder.cross_entropy(logits, targets, smoothing)?.loss;
    let of_parameters: Vec<TensorId> =
        parameters.iter().map(|one| recorder.state(one.state, one.shape)).collect();
    recorder.enter("backward");
    let gradients = recorder.backward(loss, &of_parameters)?;
    recorder.leave();
    recorder.enter("optimiser");
    let mut norms: Vec<TensorId> = Vec::new();
    for &gradient in &gradients {
        norms.push(recorder.sum_squares(gradient, norms.last().copied())?);
    }
    let total = norms.last().copied();
    let mut watched = Watched::default();
    for ((one, &parameter), &gradient) in parameters.iter().zip(&of_parameters).zip(&gradients) {
        let moments: Vec<TensorId> =
            one.moments.iter().map(|&moment| recorder.state(moment, one.shape)).collect();
        let rule = rule_of(config, one.shape);
        if !is_watched {
            recorder.update(rule, parameter, &moments, gradient, constants, total)?;
            continue;
        }
        let before = recorder.times(parameter, -1.0)?;
        watched.sizes.push(recorder.sum_squares(before, None)?);
        recorder.update(rule, parameter, &moments, gradient, constants, total)?;
        let moved = recorder.add(parameter, before)?;
        watched.moves.push(recorder.sum_squares(moved, None)?);
        watched.gradients.push(gradient);
    }
    recorder.leave();
    recorder.keep(loss);
    let Watched { gradients, sizes, moves } = &watched;
    let kept = [&norms, gradients, sizes, moves].into_iter().flatten();
    kept.for_each(|&tensor| recorder.keep(tensor));
    let (recording, of_pass) = f.finish();
    let uploads = of_pass.into_iter().map(Upload::Pass).chain(uploads).collect();
    Ok(StepRecording { recording, uploads, loss, norms, watched })
}

pub(super) fn record_score(model: &Model, batch: Batch) -> Result<ScoreRecording, ModelError> {
    let mut f = Forward::of_batch(model, Batch { dropout: 0.0, ..batch });
    let logits = logits(&mut f, model)?;
    let n_rows = batch.n_rows(model.spec().stack);
    let recorder = f.recorder();
    let targets = recorder.input([n_rows], DType::U32);
    let rows = recorder.cross_entropy(logits, targets, CrossEntropy { smoothing: 0.0 })?.rows;
    let told = recorder.argmax(logits)?;
    recorder.keep(rows);
    recorder.keep(told);
    let (recording, of_pass) = f.finish();
    let uploads = of_pass.into_iter().map(Upload::Pass).chain([Upload::Targets]).collect();
    Ok(ScoreRecording { recording, uploads, rows, told })
}
