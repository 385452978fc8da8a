//! A model in training: steps, validations, and what goes into files.

use vitrine_kernels::ops::update::Constants;
use vitrine_kernels::{Control, Engine, InputData, Read, StateId, Step};

use super::config::TrainConfig;
use super::data::{Dataset, IGNORED, Sequences};
use super::nano::{FileTensor, Kind, tensors_of};
use super::random::{Purpose, stream};
use super::recordings::{
    Mover, Parameter, ScoreRecording, StepRecording, Upload, record_score, record_step,
};
use crate::arch::batch::Batch;
use crate::arch::forward::RunInput;
use crate::arch::{Counted, Model, ModelSpec, Positions};
use crate::error::ModelError;
use crate::stamps;
use crate::weights::{ByteSource, Checkpoint};

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInfo {
    /// The loss before the step, of its batch.
    pub loss: f32,
    /// The norm of all gradients together, before it was cut down.
    pub norm: f32,
    /// The learning rate.
    pub rate: f32,
}

/// What a step did to each parameter: Euclidean norms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moves {
    /// Of the gradient, before it was cut down.
    pub gradients: Vec<f32>,
    /// Of the parameter, before the step.
    pub weights: Vec<f32>,
    /// Of the difference that the step made.
    pub updates: Vec<f32>,
    /// The gradient of the parameter that was asked for, row-major.
    pub gradient: Vec<f32>,
    /// Milliseconds that the step's kernels took by the GPU's own stamps, where it has them.
    pub gpu_ms: Option<f64>,
}

/// How a model does on what is held out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Mean of −ln p over the tokens that count.
    pub loss: f64,
    /// Tokens that count.
    pub n_tokens: usize,
    /// The share of them that were likeliest.
    pub accuracy: f64,
    /// The share of sequences of which all tokens were: what greedy writing gets right to the last
    /// character.
    pub exact: f64,
}

/// A model in training.
pub struct Trainer {
    engine: Engine,
    model: Model,
    config: TrainConfig,
    parameters: Vec<Parameter>,
    batch: Batch,
    /// Batches of a step.
    n_parts: usize,
    /// Whether a step was cut off between its batches.
    is_half_done: bool,
    step: StepRecording,
    /// The step of [`Self::step_watched`], recorded when it is first asked for.
    watched_step: Option<StepRecording>,
    score: ScoreRecording,
    n_done: usize,
    /// Positions of the rows of a target and of a source.
    positions: [Vec<u32>; 2],
}

impl Trainer {
    /// A run from its beginning.
    ///
    /// # Errors
    /// A configuration that cannot be; short memory.
    pub async fn new(
        mut engine: Engine,
        config: &TrainConfig,
        data: &Dataset,
    ) -> Result<Self, ModelError> {
        config.check()?;
        let vocabulary = data.vocabulary();
        let (d_vocab, special) = (vocabulary.d_vocab, vocabulary.special);
        let model = config.model.build(&mut engine, d_vocab, special, config.seed).await?;
        Self::of_model(engine, model, config, data.lengths())
    }

    /// A run that begins with the weights of a checkpoint; `lengths` are T and S.
    ///
    /// # Errors
    /// A checkpoint that cannot be opened or trained; short memory.
    pub async fn from_checkpoint<S: ByteSource>(
        mut engine: Engine,
        config: &TrainConfig,
        checkpoint: &Checkpoint<S>,
        lengths: [usize; 2],
    ) -> Result<Self, ModelError> {
        let control = Control::default();
        let model = Model::load_parameters(&mut engine, checkpoint, &control).await?;
        Self::of_model(engine, model, config, lengths)
    }

    fn of_model(
        mut engine: Engine,
        model: Model,
        config: &TrainConfig,
        [n_tokens, n_source]: [usize; 2],
    ) -> Result<Self, ModelError> {
        let spec = model.spec();
        let refusal = match () {
            () if !spec.has_logits => Some("has no head over the vocabulary"),
            () if spec.token_dropout.is_some() => Some("drops tokens by itself"),
            () if spec.has_cross() != (n_source > 0) => Some("and the data differ in the source"),
            () => None,
        };
        if let Some(problem) = refusal {
            return Err(ModelError::config(model.name(), "the model", problem));
        }
        let mut parameters = Vec::new();
        for (rule, state, shape) in model.parameters() {
            // Heads over the first token have no part in a loss over the vocabulary.
            let is_apart = ["pooler.", "nsp_head."].iter().any(|head| rule.name.starts_with(head));
            // BART's is a buffer in transformers: it stays as it is.
            if is_apart || rule.source == "final_logits_bias" {
                continue;
            }
            let name = rule.name.clone();
            let n_moments = Mover::of(&config.optimiser, &name, shape).n_moments();
            let mut moments = Vec::new();
            for idx in 0..n_moments {
                moments.push(engine.add_state(&format!("moment{idx}.{name}"), shape)?);
            }
            let sum = match config.run.n_accumulated > 1 {
                true => Some(engine.add_state(&format!("sum.{name}"), shape)?),
                false => None,
            };
            parameters.push(Parameter { name, shape, state, moments, sum });
        }
        let batch = Batch {
            n_sequences: config.run.n_sequences,
            n_tokens,
            n_source,
            is_padded: n_source > 0,
            dropout: config.model.dropout,
        };
        let step = record_step(&model, batch, &parameters, &config.optimiser, false)?;
        let score = record_score(&model, batch)?;
        let target = positions(spec, n_tokens, batch.n_sequences)?;
        let source = match &spec.encoder {
            Some(encoder) => positions(encoder, n_source, batch.n_sequences)?,
            None => Vec::new(),
        };
        let positions = [target, source];
        let config = config.clone();
        let n_parts = config.run.n_accumulated;
        Ok(Self {
            engine,
            model,
            config,
            parameters,
            batch,
            n_parts,
            is_half_done: false,
            step,
            watched_step: None,
            score,
            n_done: 0,
            positions,
        })
    }

    /// The engine, which still holds all states.
    pub fn into_engine(self) -> Engine {
        self.engine
    }

    /// Sizes and kinds.
    pub fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    /// Numbers that are trained.
    pub fn n_params(&self) -> usize {
        self.parameters.iter().map(|one| one.shape.len()).sum()
    }

    /// Steps that were done.
    pub fn n_done(&self) -> usize {
        self.n_done
    }

    /// Ops of a step: what an engine dispatches each time.
    pub fn n_ops(&self) -> usize {
        let n_update = self.step.update.as_ref().map_or(0, |update| update.nodes().len());
        self.step.recording.nodes().len() * self.n_parts + n_update
    }

    /// The configuration; what is changed here (the learning rate, say) holds from the next step on.
    /// The model, its data and the optimiser's kind stay what they were.
    pub fn config_mut(&mut self) -> &mut TrainConfig {
        &mut self.config
    }

    /// Names of the parameters, in the order of [`Self::step_with_norms`].
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|one| one.name.as_str())
    }

    /// One step of all that [`Dataset::batch`] gives. Only the loss and one norm come back.
    ///
    /// # Errors
    /// What the engine reports; cancellation, which may leave a step half done.
    pub async fn step(
        &mut self,
        sequences: &Sequences,
        control: &Control,
    ) -> Result<StepInfo, ModelError> {
        Ok(self.step_with_norms(sequences, false, control).await?.0)
    }

    /// One step, and where asked for the norm of each parameter's gradient.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn step_with_norms(
        &mut self,
        sequences: &Sequences,
        wants_all: bool,
        control: &Control,
    ) -> Result<(StepInfo, Vec<f32>), ModelError> {
        let norms = &self.step.norms;
        let wanted = if wants_all { &norms[..] } else { &norms[norms.len().saturating_sub(1)..] };
        let reads: Vec<Read> =
            wanted.iter().map(|&norm| Read::tensor(self.step.last(), norm)).collect();
        let (mut info, values) = self.run_step(false, sequences, &reads, control).await?;
        info.norm = self.norm_of(&values, values.len());
        let all = values.iter().map(|one| one[0].sqrt() / self.n_parts as f32).collect();
        Ok((info, if wants_all { all } else { Vec::new() }))
    }

    /// One step, and what it did to each parameter, in the order of [`Self::parameter_names`]; where
    /// asked for with one parameter's gradient, before it was cut down. The weights become what they
    /// become by [`Self::step`].
    ///
    /// # Errors
    /// As [`Self::step`].
    pub async fn step_watched(
        &mut self,
        sequences: &Sequences,
        gradient_of: Option<usize>,
        control: &Control,
    ) -> Result<(StepInfo, Moves), ModelError> {
        if self.watched_step.is_none() {
            let (model, optimiser) = (&self.model, &self.config.optimiser);
            let step = record_step(model, self.batch, &self.parameters, optimiser, true)?;
            self.watched_step = Some(step);
        }
        let step = self.watched_step.as_ref().unwrap_or(&self.step);
        let watched = &step.watched;
        let gradient = gradient_of.and_then(|idx| watched.gradients.get(idx));
        let tensors = [&step.norms, &watched.sizes, &watched.moves].into_iter().flatten();
        let tensors = tensors.chain(gradient);
        let reads: Vec<_> = tensors.map(|&id| Read::tensor(step.last(), id)).collect();
        let n = step.norms.len();
        stamps::start(&mut self.engine);
        let outcome = self.run_step(true, sequences, &reads, control).await;
        let gpu_ms = stamps::taken(&mut self.engine);
        stamps::end(&mut self.engine);
        let (mut info, mut values) = outcome?;
        info.norm = self.norm_of(&values, n);
        let mean = 1.0 / self.n_parts as f32;
        let mut gradient = gradient_of.and_then(|_| values.pop()).unwrap_or_default();
        gradient.iter_mut().for_each(|value| *value *= mean);
        let roots = |first: usize, factor: f32| -> Vec<f32> {
            values[first..][..n].iter().map(|one| one[0].sqrt() * factor).collect()
        };
        let (gradients, weights, updates) = (roots(0, mean), roots(n, 1.0), roots(2 * n, 1.0));
        Ok((info, Moves { gradients, weights, updates, gradient, gpu_ms }))
    }

    /// The norm of all gradients together, from the sums of the first `n` parameters.
    fn norm_of(&self, values: &[Vec<f32>], n: usize) -> f32 {
        let total = n.checked_sub(1).and_then(|last| values.get(last)?.get(1));
        total.copied().unwrap_or(0.0).sqrt() / self.n_parts as f32
    }

    /// Runs a step: its loss and rate, and what was asked for of the recording that has the norms.
    async fn run_step(
        &mut self,
        is_watched: bool,
        sequences: &Sequences,
        reads: &[Read],
        control: &Control,
    ) -> Result<(StepInfo, Vec<Vec<f32>>), ModelError> {
        let share = self.config.schedule.share(self.n_done, self.config.run.n_steps);
        let optimiser = &self.config.optimiser;
        let rate = optimiser.rate * share;
        let scale = 1.0 / self.n_parts as f32;
        let constants = Constants {
            max_norm: optimiser.max_norm,
            scale,
            ..Constants::at(self.n_done as u32 + 1, rate, optimiser.beta1, optimiser.beta2)
        };
        let constants = constants.values();
        let mut random = stream(self.config.seed, Purpose::Dropout, self.n_done as u64);
        let zeros = vec![0; self.batch.n_rows(self.model.spec().stack)];
        self.forget_half_a_step()?;
        let step = self.watched_step.as_ref().filter(|_| is_watched).unwrap_or(&self.step);
        let (mut loss, mut values) = (0.0, Vec::new());
        for part in 0..self.n_parts {
            let seed = [random.next_u32(), random.next_u32()];
            let part = Part::of(sequences, part, self.n_parts);
            let inputs = inputs(&step.uploads, part, &seed, &zeros, &constants, &self.positions)?;
            let recording = &step.recording;
            let of_loss = [Read::tensor(recording, step.loss)];
            let beside = if step.update.is_none() { reads } else { &[] };
            let reads = [&of_loss[..], beside].concat();
            self.is_half_done = step.update.is_some();
            values = self.engine.run(recording, &inputs, Step::default(), &reads, control).await?;
            loss += values.remove(0).first().copied().unwrap_or(f32::NAN) * scale;
        }
        if let Some(update) = &step.update {
            let inputs = [InputData::F32(&constants)];
            values = self.engine.run(update, &inputs, Step::default(), reads, control).await?;
            self.is_half_done = false;
        }
        self.n_done += 1;
        Ok((StepInfo { loss, norm: 0.0, rate }, values))
    }

    /// Clears the sums of gradients that a cancelled step has left.
    fn forget_half_a_step(&mut self) -> Result<(), ModelError> {
        if !std::mem::take(&mut self.is_half_done) {
            return Ok(());
        }
        for one in &self.parameters {
            if let Some(sum) = one.sum {
                self.engine.write_state(sum, &vec![0.0; one.shape.len()])?;
            }
        }
        Ok(())
    }

    /// The values of a parameter, or (`moment` from 0) of what the optimiser remembers of it; empty
    /// where there is no such.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn values_of(
        &mut self,
        parameter: usize,
        moment: Option<usize>,
    ) -> Result<Vec<f32>, ModelError> {
        let Some(one) = self.parameters.get(parameter) else { return Ok(Vec::new()) };
        let state = match moment {
            None => Some(&one.state),
            Some(moment) => one.moments.get(moment),
        };
        let Some(&state) = state else { return Ok(Vec::new()) };
        let values = self.engine.read(&[whole(state, one.shape.dims())]).await?;
        Ok(values.into_iter().next().unwrap_or_default())
    }

    /// Shape of each parameter, and how many moments the optimiser has of it.
    pub fn parameter_shapes(&self) -> impl Iterator<Item = (&[usize], usize)> {
        self.parameters.iter().map(|one| (one.shape.dims(), one.moments.len()))
    }

    /// How the model does on some batches.
    ///
    /// # Errors
    /// What the engine reports; cancellation.
    pub async fn score(
        &mut self,
        batches: &[Sequences],
        control: &Control,
    ) -> Result<Score, ModelError> {
        let (mut loss, mut n_tokens, mut n_right) = (0.0, 0, 0);
        let (mut n_sequences, mut n_exact) = (0, 0);
        let zeros = vec![0; self.batch.n_rows(self.model.spec().stack)];
        let none = [0.0; 8];
        for sequences in batches {
            let part = Part::of(sequences, 0, 1);
            let inputs =
                inputs(&self.score.uploads, part, &[0; 2], &zeros, &none, &self.positions)?;
            let recording = &self.score.recording;
            let reads = [
                Read::tensor(recording, self.score.rows),
                Read::tensor(recording, self.score.told),
            ];
            let values =
                self.engine.run(recording, &inputs, Step::default(), &reads, control).await?;
            let [rows, told] = &values[..] else { continue };
            for sequence in 0..self.batch.n_sequences {
                let (mut n_counted, mut n_own_right) = (0, 0);
                for row in sequence * self.batch.n_tokens..(sequence + 1) * self.batch.n_tokens {
                    if sequences.targets[row] != IGNORED {
                        n_counted += 1;
                        loss += f64::from(rows[2 * row]);
                        n_own_right += usize::from(told[row].to_bits() == sequences.targets[row]);
                    }
                }
                n_tokens += n_counted;
                n_right += n_own_right;
                n_sequences += usize::from(n_counted > 0);
                n_exact += usize::from(n_counted > 0 && n_counted == n_own_right);
            }
        }
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        Ok(Score {
            loss: loss / n_tokens.max(1) as f64,
            n_tokens,
            accuracy: share(n_right, n_tokens),
            exact: share(n_exact, n_sequences),
        })
    }

    /// The tensors of a checkpoint of the model as it is now.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn tensors(&mut self, kind: Kind) -> Result<Vec<FileTensor>, ModelError> {
        let states: Vec<_> =
            self.model.parameters().map(|(_, state, shape)| whole(state, shape.dims())).collect();
        let values = self.engine.read(&states).await?;
        let rules = self.model.parameters().map(|(rule, ..)| rule);
        tensors_of(kind, rules.zip(values.iter().map(Vec::as_slice)))
    }

    /// All that a run goes on from: parameters (`parameter.…`) and what the optimiser remembers of them
    /// (`moment0.…`), by canonical names.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn memory(&mut self) -> Result<Vec<FileTensor>, ModelError> {
        let (names, reads): (Vec<_>, Vec<_>) = self.states().unzip();
        let values = self.engine.read(&reads).await?;
        let tensors = names.into_iter().zip(&reads).zip(values);
        Ok(tensors
            .map(|((name, read), values)| FileTensor {
                name,
                shape: read.ranges.iter().map(|range| range.end).collect(),
                values,
            })
            .collect())
    }

    /// Goes back (or on) to what [`Self::memory`] gave after `n_done` steps.
    ///
    /// # Errors
    /// Tensors of another run.
    pub fn recall(&mut self, tensors: &[FileTensor], n_done: usize) -> Result<(), ModelError> {
        let places: Vec<(String, Read)> = self.states().collect();
        for (name, read) in places {
            let tensor = tensors.iter().find(|tensor| tensor.name == name);
            let values = tensor.map(|tensor| &tensor.values).filter(|all| all.len() == read.len());
            let values = values.ok_or_else(|| {
                let field = format!("tensor {name}");
                ModelError::malformed(
                    "the state of the run",
                    field,
                    "is missing or of another size",
                )
            })?;
            if let vitrine_kernels::ReadSource::State(state) = read.source {
                self.engine.write_state(state, values)?;
            }
        }
        self.n_done = n_done;
        Ok(())
    }

    /// Names and places of all states.
    fn states(&self) -> impl Iterator<Item = (String, Read)> + '_ {
        self.parameters.iter().flat_map(|one| {
            let dims = one.shape.dims();
            let own = (format!("parameter.{}", one.name), whole(one.state, dims));
            let moments = one.moments.iter().enumerate().map(move |(idx, &moment)| {
                (format!("moment{idx}.{}", one.name), whole(moment, dims))
            });
            std::iter::once(own).chain(moments)
        })
    }
}

/// What runs at once of the sequences of a step.
#[derive(Clone, Copy)]
struct Part<'a> {
    ids: &'a [u32],
    targets: &'a [u32],
    source: &'a [u32],
    shown: &'a [u32],
}

impl<'a> Part<'a> {
    /// One of `n` parts of equal length.
    fn of(sequences: &'a Sequences, idx: usize, n: usize) -> Self {
        let part = |all: &'a [u32]| &all[all.len() / n * idx..all.len() / n * (idx + 1)];
        Self {
            ids: part(&sequences.ids),
            targets: part(&sequences.targets),
            source: part(&sequences.source),
            shown: part(&sequences.shown),
        }
    }
}

/// The inputs of a run, in its order.
fn inputs<'a>(
    uploads: &[Upload],
    part: Part<'a>,
    seed: &'a [u32; 2],
    zeros: &'a [u32],
    constants: &'a [f32; 8],
    [of_target, of_source]: &'a [Vec<u32>; 2],
) -> Result<Vec<InputData<'a>>, ModelError> {
    let input = |upload: &Upload| {
        Ok(match upload {
            Upload::Targets => InputData::U32(part.targets),
            Upload::Constants => InputData::F32(constants),
            Upload::Pass(RunInput::Ids) => InputData::U32(part.ids),
            Upload::Pass(RunInput::Positions) => InputData::U32(of_target),
            Upload::Pass(RunInput::SourceIds) => InputData::U32(part.source),
            Upload::Pass(RunInput::SourcePositions) => InputData::U32(of_source),
            Upload::Pass(RunInput::SourcePadding) => InputData::U32(part.shown),
            Upload::Pass(RunInput::TokenTypes) => InputData::U32(zeros),
            Upload::Pass(RunInput::Seed) => InputData::U32(seed),
            Upload::Pass(other) => {
                let problem = format!("asks for {other:?}, which training does not give");
                return Err(ModelError::input("the pass", problem));
            }
        })
    };
    uploads.iter().map(input).collect()
}

fn whole(state: StateId, dims: &[usize]) -> Read {
    Read::state(state, dims.iter().map(|&n| 0..n).collect())
}

/// Positions of a batch's rows, as the stack counts them.
fn positions(spec: &ModelSpec, n: usize, n_sequences: usize) -> Result<Vec<u32>, ModelError> {
    let first = match spec.positions {
        Positions::Learned { offset, counted: Counted::All } => offset,
        Positions::Learned { .. } => {
            let problem = "counts positions by what is visible, which training does not do";
            return Err(ModelError::config("the model", "positions", problem));
        }
        _ => 0,
    };
    Ok((0..n_sequences).flat_map(|_| (first..first + n).map(|at| at as u32)).collect())
}
