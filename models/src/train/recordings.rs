//! The recordings of a run: a step (forward, loss, backward, update), in two where the gradients of
//! several batches are added up, and a validation.

use vitrine_kernels::ops::cross_entropy::CrossEntropy;
use vitrine_kernels::ops::muon::Muon;
use vitrine_kernels::ops::update::Rule;
use vitrine_kernels::{DType, Recorder, Recording, Shape, StateId, TensorId};

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
    /// Gradients of the batches of a step, where there are several.
    pub sum: Option<StateId>,
}

/// What moves a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mover {
    Rule(Rule),
    Muon(Muon),
}

impl Mover {
    /// What moves a parameter of this name and shape: vectors do not decay, and tables of tokens and
    /// positions, whose rows are looked up one by one, are not made orthogonal.
    pub fn of(config: &OptimiserConfig, name: &str, shape: Shape) -> Self {
        let &OptimiserConfig { momentum, beta1, beta2, eps, .. } = config;
        let is_matrix = shape.dims().len() > 1;
        let decay = if is_matrix { config.decay } else { 0.0 };
        let adam_w = Rule::Adam { beta1, beta2, eps, decay, decoupled: true };
        Self::Rule(match config.kind {
            OptimiserKind::Sgd => Rule::Sgd { momentum, nesterov: false, decay },
            OptimiserKind::Adam => Rule::Adam { beta1, beta2, eps, decay, decoupled: false },
            OptimiserKind::AdamW => adam_w,
            OptimiserKind::Lion => Rule::Lion { beta1, beta2, decay },
            OptimiserKind::Muon => {
                if is_matrix && !name.contains("embed.") {
                    return Self::Muon(Muon { momentum, decay, ..Muon::default() });
                }
                adam_w
            }
        })
    }

    /// States beside the parameter.
    pub fn n_moments(self) -> usize {
        match self {
            Self::Rule(rule) => rule.n_moments(),
            Self::Muon(_) => 1,
        }
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

/// A step, of one batch or of the last one that it accumulates.
pub(super) struct StepRecording {
    /// Forward, loss, backward, and what is done with the gradients: the update, or their sum.
    pub recording: Recording,
    pub uploads: Vec<Upload>,
    /// `[1]`.
    pub loss: TensorId,
    /// `[2]` for each parameter: Σ g² of its own, and of all up to it. They are `recording`'s, or
    /// `update`'s.
    pub norms: Vec<TensorId>,
    /// The update, where it comes after several batches; it uploads the constants.
    pub update: Option<Recording>,
    /// What a watched step keeps beside that, where the norms are.
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

impl StepRecording {
    /// The recording that has the norms and what is watched.
    pub fn last(&self) -> &Recording {
        self.update.as_ref().unwrap_or(&self.recording)
    }
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
    let smoothing = CrossEntropy { smoothing: config.smoothing };
    let loss = recorder.cross_entropy(logits, targets, smoothing)?.loss;
    let of_parameters: Vec<TensorId> =
        parameters.iter().map(|one| recorder.state(one.state, one.shape)).collect();
    recorder.enter("backward");
    let gradients = recorder.backward(loss, &of_parameters)?;
    recorder.leave();
    recorder.keep(loss);
    let sums = |recorder: &mut Recorder| -> Option<Vec<TensorId>> {
        parameters.iter().map(|one| Some(recorder.state(one.sum?, one.shape))).collect()
    };
    let Some(of_sums) = sums(recorder) else {
        let constants = recorder.input([8], DType::F32);
        let (norms, watched) =
            record_update(recorder, parameters, &gradients, constants, config, is_watched)?;
        let (recording, of_pass) = f.finish();
        let beside = [Upload::Targets, Upload::Constants];
        let uploads = of_pass.into_iter().map(Upload::Pass).chain(beside).collect();
        return Ok(StepRecording { recording, uploads, loss, norms, update: None, watched });
    };
    for (&gradient, &sum) in gradients.iter().zip(&of_sums) {
        recorder.accumulate(gradient, sum)?;
    }
    let (recording, of_pass) = f.finish();
    let uploads = of_pass.into_iter().map(Upload::Pass).chain([Upload::Targets]).collect();
    let mut recorder = Recorder::new();
    let constants = recorder.input([8], DType::F32);
    let of_sums = sums(&mut recorder).unwrap_or_default();
    let (norms, mut watched) =
        record_update(&mut recorder, parameters, &of_sums, constants, config, is_watched)?;
    for gradient in &mut watched.gradients {
        // A copy, before the sum is cleared.
        *gradient = recorder.times(*gradient, 1.0)?;
        recorder.keep(*gradient);
    }
    for &sum in &of_sums {
        // The next step begins with none.
        let back = recorder.times(sum, -1.0)?;
        recorder.accumulate(back, sum)?;
    }
    let update = Some(recorder.finish());
    Ok(StepRecording { recording, uploads, loss, norms, update, watched })
}

/// Moves the parameters against their gradients; the norms of these, and what is watched.
fn record_update(
    recorder: &mut Recorder,
    parameters: &[Parameter],
    gradients: &[TensorId],
    constants: TensorId,
    config: &OptimiserConfig,
    is_watched: bool,
) -> Result<(Vec<TensorId>, Watched), ModelError> {
    recorder.enter("optimiser");
    let mut norms: Vec<TensorId> = Vec::new();
    for &gradient in gradients {
        norms.push(recorder.sum_squares(gradient, norms.last().copied())?);
    }
    let total = norms.last().copied();
    let mut watched = Watched::default();
    for (one, &gradient) in parameters.iter().zip(gradients) {
        let parameter = recorder.state(one.state, one.shape);
        let before = match is_watched {
            true => Some(recorder.times(parameter, -1.0)?),
            false => None,
        };
        if let Some(before) = before {
            watched.sizes.push(recorder.sum_squares(before, None)?);
        }
        let moments: Vec<TensorId> =
            one.moments.iter().map(|&moment| recorder.state(moment, one.shape)).collect();
        match (Mover::of(config, &one.name, one.shape), &moments[..]) {
            (Mover::Muon(op), &[moment]) => {
                recorder.muon(op, parameter, moment, gradient, constants)?;
            }
            (Mover::Muon(_), _) => {
                return Err(ModelError::input("the optimiser", "lacks the moment of a matrix"));
            }
            (Mover::Rule(rule), _) => {
                recorder.update(rule, parameter, &moments, gradient, constants, total)?;
            }
        }
        if let Some(before) = before {
            let moved = recorder.add(parameter, before)?;
            watched.moves.push(recorder.sum_squares(moved, None)?);
            watched.gradients.push(gradient);
        }
    }
    recorder.leave();
    let Watched { gradients, sizes, moves } = &watched;
    let kept = [&norms, gradients, sizes, moves].into_iter().flatten();
    kept.for_each(|&tensor| recorder.keep(tensor));
    Ok((norms, watched))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn muon_takes_the_matrices_of_blocks() {
        let config = OptimiserConfig { kind: OptimiserKind::Muon, ..OptimiserConfig::default() };
        let is_muon = |name: &str, dims: &[usize]| {
            matches!(Mover::of(&config, name, Shape::new(dims)), Mover::Muon(_))
        };
        assert!(is_muon("blocks.0.attn.W_Q", &[8, 8]) && is_muon("decoder.0.rnn.W_HH", &[24, 8]));
        for (name, dims) in [
            ("embed.W_E", &[30, 8][..]),
            ("encoder.embed.W_E", &[30, 8]),
            ("pos_embed.W_pos", &[12, 8]),
            ("unembed.W_U", &[30, 8]),
            ("blocks.0.ln1.w", &[8]),
        ] {
            assert!(!is_muon(name, dims), "{name}");
        }
    }
}
