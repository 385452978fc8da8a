//! A run under way: its steps, validations, looks, and the way back.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::train::checkpoint::{SavedRun, model_files};
use vitrine_models::train::{Dataset, Moves, Sequences, TrainConfig, Trainer};
use vitrine_models::weights::FileDType;
use wasm_bindgen::JsValue;

use super::super::js;
use super::boxes::boxed;
use super::kept::Kept;
use super::look::Eyes;
use super::tell::{self, tell, tell_bytes, tell_floats, tell_with};
use crate::protocol::lab::{
    FromLab, Look, NormPoint, ParameterFact, Part, Phase, Point, RunFacts, RunNo, ScorePoint,
    ToLab, Values, Went,
};

/// Between two messages about steps.
const TELL_EVERY_MS: f64 = 80.0;
/// Between two heat-maps of a run under way.
const VALUES_EVERY_MS: f64 = 500.0;
/// After so long without a pause, messages are let in.
const PAUSE_EVERY_MS: f64 = 8.0;
/// Points of time at which norms are measured.
const N_NORMS: usize = 200;
/// A look may cost a fifth of the time since the last one.
const REST_AFTER_LOOK: f64 = 4.0;
/// The speed is that of about so many of the last milliseconds.
const SPEED_MS: f64 = 1000.0;

/// A run.
pub(super) struct Course {
    run: RunNo,
    config: TrainConfig,
    data: Dataset,
    trainer: Trainer,
    validation: Vec<Sequences>,
    eyes: Option<Eyes>,
    kept: Kept,
    phase: Phase,
    /// Do one step only.
    is_single: bool,
    look: Option<Look>,
    /// What the page was not told yet.
    went: Went,
    best: f64,
    /// The last loss of what is held out.
    last_loss: f64,
    n_worse: usize,
    told_at: f64,
    paused_at: f64,
    valued_at: f64,
    /// When a look ended last, and what it took.
    looked: (f64, f64),
    /// The step of the last look.
    looked_step: Option<usize>,
}

impl Course {
    /// A run from its beginning.
    ///
    /// # Errors
    /// A configuration that cannot be; short memory.
    pub async fn new(
        run: RunNo,
        config: TrainConfig,
        data: Dataset,
        engine: Engine,
    ) -> Result<Self, ModelError> {
        let trainer = Trainer::new(engine, &config, &data).await?;
        let validation = data.validation()?;
        let eyes = Some(Eyes::of(&config, &data)?);
        Ok(Self {
            run,
            config,
            data,
            trainer,
            validation,
            eyes,
            kept: Kept::default(),
            phase: Phase::Starting,
            is_single: false,
            look: None,
            went: Went::default(),
            best: f64::INFINITY,
            last_loss: f64::NAN,
            n_worse: 0,
            told_at: 0.0,
            paused_at: 0.0,
            valued_at: 0.0,
            looked: (f64::NEG_INFINITY, 0.0),
            looked_step: None,
        })
    }

    /// Puts a run that was saved in the place of the untrained one.
    ///
    /// # Errors
    /// Tensors of another model or text.
    pub fn go_on_from(&mut self, saved: &SavedRun) -> Result<(), ModelError> {
        self.trainer.recall(&saved.tensors, saved.n_done)?;
        (self.best, self.n_worse) = (saved.best, saved.n_worse);
        Ok(())
    }

    /// Tells what the run is, looks at the model as it is, and goes; a run that was saved waits.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn begin(&mut self, look: Option<Look>, control: &Control) -> Result<(), ModelError> {
        tell(&FromLab::Begun(Box::new(self.facts())));
        let is_new = self.trainer.n_done() == 0;
        let counts = (self.best, self.n_worse);
        self.validate(control).await?;
        if !is_new {
            // That validation was counted before.
            (self.best, self.n_worse) = counts;
        }
        self.set_phase(match self.trainer.n_done() {
            0 => Phase::Running,
            n if n < self.config.run.n_steps => Phase::Paused,
            _ => Phase::Done,
        });
        self.set_look(look).await
    }

    /// Whether steps are done.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Frees its engine.
    pub fn end(self) {
        self.trainer.into_engine().clear();
    }

    fn facts(&self) -> RunFacts {
        let [n_target, n_source] = self.data.lengths();
        let shapes = self.trainer.parameter_shapes();
        let parameters = self.trainer.parameter_names().zip(shapes);
        RunFacts {
            run: self.run,
            query: self.config.to_query(),
            n_done: self.trainer.n_done() as u32,
            n_params: self.trainer.n_params() as u64,
            d_vocab: self.data.vocabulary().d_vocab as u32,
            lengths: (n_target as u32, n_source as u32),
            n_tokens: (self.config.run.n_sequences * n_target) as u32,
            n_ops: self.trainer.n_ops() as u32,
            n_steps: self.config.run.n_steps as u32,
            rate: self.config.optimiser.rate,
            parameters: parameters
                .map(|(name, (dims, n_moments))| ParameterFact {
                    name: name.to_owned(),
                    shape: sides(dims),
                    n_moments: n_moments as u32,
                })
                .collect(),
            is_judged: self.eyes.as_ref().is_some_and(Eyes::is_judged),
        }
    }

    /// Says what the run does.
    pub fn set_phase(&mut self, phase: Phase) {
        self.tell_steps();
        self.phase = phase;
        tell(&FromLab::Phase { run: self.run, phase });
    }

    /// Does what the page asks for.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn act(&mut self, message: ToLab, control: &Control) -> Result<(), ModelError> {
        let can_step = matches!(self.phase, Phase::Paused | Phase::Diverged { .. });
        match message {
            ToLab::Pause if self.is_running() => {
                self.set_phase(Phase::Paused);
                self.keep().await?;
                self.look_at(true, control).await?;
                self.set_look(self.look).await
            }
            ToLab::Resume if can_step => {
                self.go_on(false);
                Ok(())
            }
            ToLab::StepOnce if can_step => {
                self.go_on(true);
                Ok(())
            }
            ToLab::Rate(rate) => {
                self.set_rate(rate);
                Ok(())
            }
            ToLab::Rewind { step, rate } => self.rewind(step as usize, rate, control).await,
            ToLab::Save => self.save().await,
            ToLab::Hand => self.hand().await,
            // Of another phase: there is nothing to pause, or nothing to go on with.
            ToLab::Pause | ToLab::Resume | ToLab::StepOnce => Ok(()),
            // The loop takes these.
            ToLab::Train(_) | ToLab::Open(_) | ToLab::Look(_) => Ok(()),
        }
    }

    /// Goes on, for one step or all. What led to a loss that was no number is forgotten then.
    fn go_on(&mut self, is_single: bool) {
        if let Phase::Diverged { back_to, .. } = self.phase {
            let rate = self.config.optimiser.rate;
            tell(&FromLab::Rewound { run: self.run, step: back_to, rate });
        }
        self.is_single = is_single;
        self.set_phase(Phase::Running);
    }

    fn set_rate(&mut self, rate: f32) {
        if rate.is_finite() && rate > 0.0 {
            self.config.optimiser.rate = rate;
            self.trainer.config_mut().optimiser.rate = rate;
        }
    }

    /// One step, and what is due after it.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn step(&mut self, control: &Control) -> Result<(), ModelError> {
        let done = self.trainer.n_done();
        let batch = self.data.batch(done)?;
        let started = js::now();
        let n_apart = (self.config.run.n_steps / N_NORMS).max(1);
        let look =
            self.look.filter(|_| started - self.valued_at >= VALUES_EVERY_MS || self.is_single);
        let gradient_of = look.filter(|look| look.part == Part::Gradient);
        let is_watched = done.is_multiple_of(n_apart) || gradient_of.is_some() || self.is_single;
        let (info, moves) = match is_watched {
            true => {
                let of = gradient_of.map(|look| look.parameter as usize);
                self.trainer.step_watched(&batch, of, control).await?
            }
            false => (self.trainer.step(&batch, control).await?, Moves::default()),
        };
        let took = js::now() - started;
        self.clock(took);
        let step = self.trainer.n_done();
        self.went.points.push(Point {
            step: step as u32,
            loss: info.loss,
            norm: info.norm,
            rate: info.rate,
        });
        if !info.loss.is_finite() {
            return self.diverged(step, info.loss, control).await;
        }
        let Moves { gradients, weights, updates, gradient, gpu_ms } = moves;
        self.went.gpu_ms = gpu_ms.unwrap_or(self.went.gpu_ms);
        if is_watched {
            let step = step as u32;
            self.went.norms.push(NormPoint { step, gradients, weights, updates });
        }
        if let Some(look) = look {
            match look.part {
                Part::Gradient => self.show(look, &gradient),
                _ => self.show_values(look).await?,
            }
        }
        let (n_steps, every) = (self.config.run.n_steps, self.config.run.validate_every);
        let is_last = step >= n_steps;
        if step.is_multiple_of(every) || is_last {
            self.validate(control).await?;
        }
        let patience = self.config.run.patience;
        if is_last || patience > 0 && self.n_worse >= patience {
            self.set_phase(Phase::Done);
            self.look_at(true, control).await?;
            return self.set_look(self.look).await;
        }
        if self.is_single {
            self.is_single = false;
            self.set_phase(Phase::Paused);
        }
        let now = js::now();
        if now - self.told_at >= TELL_EVERY_MS {
            self.tell_steps();
        }
        if now - self.paused_at >= PAUSE_EVERY_MS {
            control.pause().await?;
            self.paused_at = js::now();
        }
        Ok(())
    }

    /// Counts a step's time; the speed follows the last second.
    fn clock(&mut self, took: f64) {
        self.went.seconds += took / 1000.0;
        let share = (took / SPEED_MS).clamp(0.02, 1.0);
        self.went.step_ms = match self.went.step_ms {
            0.0 => took,
            before => before + (took - before) * share,
        };
    }

    fn tell_steps(&mut self) {
        self.told_at = js::now();
        let Went { points, scores, norms, .. } = &self.went;
        if points.is_empty() && scores.is_empty() && norms.is_empty() {
            return;
        }
        let Went { step_ms, gpu_ms, seconds, .. } = self.went;
        let rest = Went { step_ms, gpu_ms, seconds, ..Went::default() };
        let went = std::mem::replace(&mut self.went, rest);
        tell(&FromLab::Went(Went { run: self.run, ..went }));
    }

    /// What the model does on what is held out; keeps the run's state, and looks.
    async fn validate(&mut self, control: &Control) -> Result<(), ModelError> {
        let score = self.trainer.score(&self.validation, control).await?;
        let is_best = score.loss < self.best;
        self.n_worse = if is_best { 0 } else { self.n_worse + 1 };
        self.best = self.best.min(score.loss);
        self.last_loss = score.loss;
        self.went.scores.push(ScorePoint {
            step: self.trainer.n_done() as u32,
            loss: score.loss as f32,
            accuracy: score.accuracy as f32,
            exact: score.exact as f32,
        });
        self.tell_steps();
        self.keep().await?;
        self.look_at(false, control).await
    }

    async fn keep(&mut self) -> Result<(), ModelError> {
        let step = self.trainer.n_done();
        if self.kept.get(step).is_none() {
            let tensors = self.trainer.memory().await?;
            self.kept.keep(step, self.last_loss, tensors);
            tell(&FromLab::Kept { run: self.run, steps: self.kept.steps() });
        }
        Ok(())
    }

    /// Looks at the model, where that is not too dear or must be.
    async fn look_at(&mut self, must: bool, control: &Control) -> Result<(), ModelError> {
        let (started, step) = (js::now(), self.trainer.n_done());
        let is_due = started - self.looked.0 >= REST_AFTER_LOOK * self.looked.1;
        let Some(eyes) = &mut self.eyes else { return Ok(()) };
        if self.looked_step == Some(step) || !(must || is_due) {
            return Ok(());
        }
        let looking = eyes.look(self.run, &mut self.trainer, &self.config, &self.data, control);
        if let Err(err) = looking.await {
            // The run does not need it.
            self.eyes = None;
            tell::fault(
                format!("The samples stop: {err}"),
                "The run goes on; open the model in the Explorer to look into it.",
            );
            return Ok(());
        }
        self.looked = (js::now(), js::now() - started);
        self.looked_step = Some(step);
        Ok(())
    }

    /// The loss was no number: back to the last state that was good.
    async fn diverged(
        &mut self,
        step: usize,
        loss: f32,
        control: &Control,
    ) -> Result<(), ModelError> {
        let Some(saved) = self.kept.last_good() else {
            self.set_phase(Phase::Done);
            return Ok(());
        };
        let back_to = saved.step;
        self.trainer.recall(&saved.tensors, back_to)?;
        self.kept.rewind(back_to);
        tell(&FromLab::Kept { run: self.run, steps: self.kept.steps() });
        self.is_single = false;
        let (step, back_to) = (step as u32, back_to as u32);
        self.set_phase(Phase::Diverged { step, loss, back_to });
        self.looked_step = None;
        self.look_at(true, control).await?;
        self.set_look(self.look).await
    }

    /// Back to a state that was kept.
    async fn rewind(
        &mut self,
        step: usize,
        rate: f32,
        control: &Control,
    ) -> Result<(), ModelError> {
        let Some(saved) = self.kept.get(step) else { return Ok(()) };
        self.trainer.recall(&saved.tensors, step)?;
        self.kept.rewind(step);
        self.set_rate(rate);
        self.tell_steps();
        (self.is_single, self.n_worse, self.looked_step) = (false, 0, None);
        let rate = self.config.optimiser.rate;
        tell(&FromLab::Rewound { run: self.run, step: step as u32, rate });
        tell(&FromLab::Kept { run: self.run, steps: self.kept.steps() });
        self.set_phase(Phase::Paused);
        self.look_at(true, control).await?;
        self.set_look(self.look).await
    }

    /// Which values the heat-map shows.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn set_look(&mut self, look: Option<Look>) -> Result<(), ModelError> {
        self.look = look;
        self.valued_at = f64::NEG_INFINITY;
        match look {
            // A gradient comes with a step.
            Some(look) if look.part != Part::Gradient => self.show_values(look).await,
            _ => Ok(()),
        }
    }

    async fn show_values(&mut self, look: Look) -> Result<(), ModelError> {
        let moment = match look.part {
            Part::Value | Part::Gradient => None,
            Part::Mean => Some(0),
            Part::Square => Some(1),
        };
        let values = self.trainer.values_of(look.parameter as usize, moment).await?;
        self.show(look, &values);
        Ok(())
    }

    fn show(&mut self, look: Look, values: &[f32]) {
        let shape = self.trainer.parameter_shapes().nth(look.parameter as usize);
        let Some((dims, _)) = shape.filter(|_| !values.is_empty()) else { return };
        let (n_rows, n_cols) = sides(dims);
        let boxed = boxed(values, (n_rows as usize, n_cols as usize));
        let pair = |(rows, cols): (usize, usize)| (rows as u32, cols as u32);
        let (size, box_size) = (pair(boxed.size), pair(boxed.box_size));
        let step = self.trainer.n_done() as u32;
        let message = Values { run: self.run, step, look, size, box_size };
        tell_floats(&FromLab::Values(message), &boxed.values);
        self.valued_at = js::now();
    }

    /// The run as a file that training goes on from.
    async fn save(&mut self) -> Result<(), ModelError> {
        let saved = SavedRun {
            config: self.config.clone(),
            n_done: self.trainer.n_done(),
            best: self.best,
            n_worse: self.n_worse,
            tensors: self.trainer.memory().await?,
        };
        let name = &self.config.data.task;
        let file_name = format!("vitrine-{name}-step-{}.safetensors", saved.n_done);
        tell_bytes(&FromLab::Saved { file_name }, &saved.to_bytes()?);
        Ok(())
    }

    /// The model as files of the browser, which any worker can read.
    async fn hand(&mut self) -> Result<(), ModelError> {
        let vocabulary = self.data.vocabulary();
        let files =
            model_files(&mut self.trainer, &self.config, vocabulary, FileDType::F32).await?;
        let handed = js_sys::Array::new();
        for (name, bytes) in files {
            let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes.as_slice()));
            let file = web_sys::File::new_with_u8_array_sequence(&parts, name);
            let file = file.map_err(|err| ModelError::Io {
                file: name.to_owned(),
                problem: js::words(&err),
            })?;
            handed.push(&file);
        }
        tell_with(&FromLab::Model, &JsValue::from(handed));
        Ok(())
    }
}

/// Rows and columns; a vector is one row.
fn sides(dims: &[usize]) -> (u32, u32) {
    let n_cols = dims.last().copied().unwrap_or(1);
    let n_rows = dims[..dims.len().saturating_sub(1)].iter().product::<usize>();
    (n_rows as u32, n_cols as u32)
}
