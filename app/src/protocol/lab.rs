//! What the Lab and its worker say to each other. That worker is a second one of the engine's
//! module, which starts when the first run does and knows of training only.
//!
//! Messages come at most some twenty times a second, whatever a step takes.

use serde::{Deserialize, Serialize};
use vitrine_models::train::Activation;

use super::{EngineChoice, EngineInfo};

/// Counts the Lab's runs; what is said of an older one is dropped.
pub type RunNo = u32;

/// From the Lab to its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToLab {
    /// Begin a run in place of the one before: [`FromLab::Engine`], [`FromLab::Begun`], then
    /// [`FromLab::Went`] …, or [`FromLab::Fault`].
    Train(TrainJob),
    /// Go on with a run that was saved: its file is the attachment. As [`ToLab::Train`], but the configuration is
    /// the file's, and the run waits.
    Open(TrainJob),
    /// Do no further step.
    Pause,
    /// Go on.
    Resume,
    /// Do one step, and pause.
    StepOnce,
    /// Another learning rate, from the next step on; where the schedule is at its peak.
    Rate(f32),
    /// Back to what was kept after `step`, and pause.
    Rewind {
        /// One of [`FromLab::Kept`].
        step: u32,
        /// The learning rate from there on.
        rate: f32,
    },
    /// Which values the heat-map shows from now on; none while nobody looks.
    Look(Option<Look>),
    /// A file: [`FromLab::Saved`] with its bytes attached.
    Save,
    /// The model as it is now, as files: [`FromLab::Model`].
    Hand,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainJob {
    /// The page's count.
    pub run: RunNo,
    /// What differs from the defaults, as `TrainConfig::to_query` writes it.
    pub query: String,
    /// The text, where one is trained on.
    pub text: Option<String>,
    /// On which engine.
    pub engine: EngineChoice,
}

/// Values of one parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// One of [`RunFacts::parameters`], by its place.
    pub parameter: u32,
    /// What of it.
    pub part: Part,
}

/// What of a parameter is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Its values.
    #[default]
    Value,
    /// The gradient of the last step that was watched, before it was cut down.
    Gradient,
    /// The optimiser's running mean of gradients.
    Mean,
    /// The optimiser's running mean of their squares.
    Square,
}

/// From the worker to the Lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromLab {
    /// Something failed; a run that went on before goes on.
    Fault(LabFault),
    /// Which engine trains, and why.
    Engine(EngineInfo),
    /// A run is ready.
    Begun(Box<RunFacts>),
    /// Steps were done.
    Went(Went),
    /// What was written; whole, in place of what was written before.
    Wrote(Wrote),
    /// Attention to the probe after a step; the attachment holds every pattern as safetensors.
    Looked(Looked),
    /// The heat-map's values, attached as f32.
    Values(Values),
    /// Steps that can be gone back to.
    Kept {
        /// Of which run.
        run: RunNo,
        /// After so many steps, in order.
        steps: Vec<u32>,
    },
    /// The run is as it was after a step.
    Rewound {
        /// Of which run.
        run: RunNo,
        /// After so many steps.
        step: u32,
        /// The learning rate from there on.
        rate: f32,
    },
    /// The run goes on, or why it does not.
    Phase {
        /// Of which run.
        run: RunNo,
        /// What it does.
        phase: Phase,
    },
    /// The attachment is the file.
    Saved {
        /// Suggested file name.
        file_name: String,
    },
    /// The attachment is an array of `File`s: config.json, model.safetensors, tokenizer.json.
    Model,
}

/// A failure, in words for the visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabFault {
    /// What went wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
    /// The knob that it is about, if about one: `model.n_heads`.
    pub field: Option<String>,
}

/// What a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The page's count.
    pub run: RunNo,
    /// What differs from the defaults.
    pub query: String,
    /// Steps that were done before, where it is a run that was saved.
    pub n_done: u32,
    /// Numbers that are trained.
    pub n_params: u64,
    /// Tokens of the vocabulary.
    pub d_vocab: u32,
    /// Rows of a target, and of a source (0 without one).
    pub lengths: (u32, u32),
    /// Tokens that a step reads in the decoder (or the only stack).
    pub n_tokens: u32,
    /// Ops of a step.
    pub n_ops: u32,
    /// Steps in all.
    pub n_steps: u32,
    /// The learning rate at its peak.
    pub rate: f32,
    /// Every parameter, in the order of all lists of them.
    pub parameters: Vec<ParameterFact>,
    /// Whether samples are right or wrong; a text is only gone on with.
    pub is_judged: bool,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterFact {
    /// `blocks.1.attn.W_Q`.
    pub name: String,
    /// Rows and columns; a vector is one row.
    pub shape: (u32, u32),
    /// What the optimiser remembers of it: 0, 1 or 2 tensors.
    pub n_moments: u32,
}

/// Steps that were done since the last message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Went {
    /// Of which run.
    pub run: RunNo,
    /// One each.
    pub points: Vec<Point>,
    /// Validations, mostly none.
    pub scores: Vec<ScorePoint>,
    /// Norms of every parameter, after some steps.
    pub norms: Vec<NormPoint>,
    /// Milliseconds a step takes, of the last second or so.
    pub step_ms: f64,
    /// Milliseconds of the kernels of the last step that was looked into, by the GPU's own stamps; 0 where it
    /// has none.
    pub gpu_ms: f64,
    /// Seconds that all steps of the run took, without validations and samples.
    pub seconds: f64,
}

/// One step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Steps done, this one included.
    pub step: u32,
    /// The loss before it.
    pub loss: f32,
    /// The norm of all gradients together, before it was cut down.
    pub norm: f32,
    /// The learning rate.
    pub rate: f32,
}

/// One validation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScorePoint {
    /// Steps done.
    pub step: u32,
    /// Mean of −ln p of held-out tokens.
    pub loss: f32,
    /// The share of them that were likeliest.
    pub accuracy: f32,
    /// The share of sequences that are right to the last token.
    pub exact: f32,
}

/// Norms of every parameter at one step, in the order of [`RunFacts::parameters`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NormPoint {
    /// Steps done.
    pub step: u32,
    /// Of the gradient, before it was cut down.
    pub gradients: Vec<f32>,
    /// Of the parameter, before the step.
    pub weights: Vec<f32>,
    /// Of the difference that the step made.
    pub updates: Vec<f32>,
}

/// What the model writes for inputs that are held out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrote {
    /// Of which run.
    pub run: RunNo,
    /// After so many steps.
    pub step: u32,
    /// One an input.
    pub samples: Vec<Sample>,
}

/// An input and what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What is given.
    pub input: String,
    /// What is wanted; none of a text that is gone on with.
    pub wanted: Option<String>,
    /// What the model writes.
    pub given: String,
}

/// Attention to the probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Of which run.
    pub run: RunNo,
    /// After so many steps.
    pub step: u32,
    /// The tokens of the only stack, or of the target.
    pub tokens: Vec<String>,
    /// The tokens of the source.
    pub source: Vec<String>,
    /// Names of the patterns, in order: `decoder.0.cross_attn.hook_pattern`.
    pub hooks: Vec<String>,
    /// Statistics of what the layers put out, in order.
    pub activations: Vec<Activation>,
}

/// Values for the heat-map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Of which run.
    pub run: RunNo,
    /// After so many steps.
    pub step: u32,
    /// Which.
    pub look: Look,
    /// Rows and columns that came.
    pub size: (u32, u32),
    /// Rows and columns that stand for one of those: larger ones come as means of boxes.
    pub box_size: (u32, u32),
}

/// What a run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// It is being made.
    #[default]
    Starting,
    /// Steps are done.
    Running,
    /// It waits.
    Paused,
    /// All steps are done, or the validation was no better for as long as was asked.
    Done,
    /// A loss was no number. The weights are those of an earlier step again.
    Diverged {
        /// The step whose loss that was.
        step: u32,
        /// The loss.
        loss: f32,
        /// The step whose weights are back.
        back_to: u32,
    },
}
