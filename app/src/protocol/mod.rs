//! What page and worker say to each other: plain values, sent as a few bytes, with one optional
//! binary attachment (a transferred `ArrayBuffer`, `Blob`s or an `OffscreenCanvas`) beside it.
//!
//! The page never sees a model, an engine or a tokenizer; the worker never sees the document.

mod card;
mod change;
mod fault;
pub mod lab;
pub mod room;
mod search;

use serde::{Deserialize, Serialize};

pub use card::{
    FileFact, MatrixFact, ModelCard, NormWeights, PositionFacts, PositionKind, RecordedFacts,
    WeightsPart,
};
pub use change::{ChangeAsk, ChangeOf, Changed};
pub use fault::{Fault, FaultPlace};
pub use search::{BeamNode, Fate, Hypothesis, Written};

/// Counts the page's runs; answers to an older run are dropped.
pub type RunId = u32;

/// From the page to the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// First message: which engine to start. Answered by [`FromWorker::Engine`] and
    /// [`FromWorker::Models`].
    Start {
        /// The visitor's choice.
        engine: EngineChoice,
    },
    /// Change the engine; the model is loaded into it again and the last text runs again.
    UseEngine(EngineChoice),
    /// Load a model; [`FromWorker::Progress`] … then [`FromWorker::Loaded`] or
    /// [`FromWorker::Fault`] (the model that was loaded stays usable).
    /// For [`ModelSource::Files`] the attachment is an array of `File`s.
    Load(ModelSource),
    /// Give up the load in progress.
    CancelLoad,
    /// Run the model on a text. Cancels a run or generation in progress. Answered by
    /// [`FromWorker::Tokens`], [`FromWorker::Ran`], [`FromWorker::Trace`],
    /// [`FromWorker::Predictions`] with the same `run`.
    Run(RunJob),
    /// What the visible panels need from now on; sent anew with every run, and at once for the
    /// last one, without running the model again.
    Want(Wants),
    /// Continue the last text. Each token is answered as a run is, with the same `run`.
    Generate(GenerateJob),
    /// Stop run or generation.
    Stop,
    /// The wall of all heads is painted by the worker on a canvas of the page.
    Wall {
        /// Whose heads.
        of: Attention,
        /// What happens to it.
        command: WallCommand,
    },
    /// Embed each text (encoders only) and compare them: [`FromWorker::Similarity`].
    Compare {
        /// The sentences.
        texts: Vec<String>,
    },
    /// Run the last tokens on the other engine and compare: [`FromWorker::EnginesCompared`].
    CompareEngines,
    /// The last run as a safetensors file: [`FromWorker::Exported`] with the bytes attached.
    /// Hooks are TransformerLens names, `*` matches any part.
    Export {
        /// Which hooks.
        hooks: Vec<String>,
    },
    /// Mask each token of the last text alone and ask for it (models with a head over masked
    /// tokens): a growing [`FromWorker::Losses`] after each. [`ToWorker::Stop`] ends it.
    MaskEach,
    /// Look at a matrix of the weights: [`FromWorker::Weights`] with the cells attached as f32,
    /// then, where it was asked for, a growing [`FromWorker::Spectrum`].
    Weights(WeightsAsk),
    /// Close the recorded run; the model that was loaded before answers with
    /// [`FromWorker::Loaded`].
    CloseRecorded,
    /// Look at the model with something of it changed: [`FromWorker::Changed`].
    Change(ChangeAsk),
}

/// Which engine the visitor wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineChoice {
    /// WebGPU where there is a hardware adapter; on a software adapter whichever is faster.
    #[default]
    Auto,
    /// WebGPU.
    Gpu,
    /// The CPU engine.
    Cpu,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelSource {
    /// One of [`FromWorker::Models`], by name.
    Bundled(String),
    /// Files from the visitor's disk: a GGUF, or config.json + safetensors + tokenizer.json.
    Files,
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// Branch, tag or commit; `main` if empty.
        revision: String,
        /// A file name in it; empty: chosen (safetensors, else the smallest supported GGUF).
        file: String,
    },
}

/// A text to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunJob {
    /// The page's count.
    pub run: RunId,
    /// The text.
    pub text: String,
    /// Second text of a pair (encoders).
    pub pair: Option<String>,
    /// Tokens in whose place the model gets its mask.
    pub masks: Vec<u32>,
    /// A conversation in place of the text: roles and words. Written as the model's template has it.
    pub chat: Vec<(String, String)>,
    /// What the decoder of an encoder–decoder reads; the text is its source then.
    pub target: Option<Target>,
}

/// Which attention: a model's only one, or one of the three of an encoder–decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attention {
    /// The only one.
    #[default]
    Own,
    /// Of source tokens to source tokens.
    Encoder,
    /// Of target tokens to earlier ones.
    Decoder,
    /// Of target tokens to source tokens.
    Cross,
}

impl Attention {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Own, Self::Encoder, Self::Decoder, Self::Cross];
}

/// Where the target text comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The visitor typed it.
    Typed(String),
    /// The model writes it: [`FromWorker::Written`], growing, before [`FromWorker::Ran`].
    Written {
        /// Hypotheses side by side; 1 is greedy search.
        n_beams: u32,
        /// At most so many tokens.
        max_tokens: u32,
    },
}

/// A part of a matrix of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsAsk {
    /// One of [`ModelCard::matrices`], or a head's circuit: `blocks.3.attn.QK[5]`.
    pub name: String,
    /// First row and column.
    pub first: (u32, u32),
    /// At most so many rows and columns.
    pub size: (u32, u32),
    /// Whether the singular values are asked for too.
    pub spectrum: bool,
}

/// How to choose the next token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 takes the most probable token.
    pub temperature: f32,
    /// Keep the k most probable (0: all).
    pub top_k: u32,
    /// Keep the smallest set of this total probability (1: all).
    pub top_p: f32,
    /// Same seed, same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, seed: 1 }
    }
}

/// A continuation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerateJob {
    /// The page's count.
    pub run: RunId,
    /// At most so many tokens; ends earlier at the model's end token or a full context.
    pub n_tokens: u32,
    /// How to choose them.
    pub sampling: Sampling,
}

/// What visible panels need beside tokens, predictions and timing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// Hooks by full TransformerLens name (`blocks.3.attn.hook_pattern`); all rows come.
    pub hooks: Vec<String>,
    /// Logit lens at this token position.
    pub lens_at: Option<u32>,
    /// Loss of every token.
    pub losses: bool,
}

/// What happens on the canvas of the wall. Each thumbnail is one head's pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WallCommand {
    /// The attachment is an `OffscreenCanvas`; sizes in device pixels.
    Attach {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// The canvas changed size.
    Resize {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// How to paint.
    Style(WallStyle),
    /// The canvas is gone.
    Detach,
}

/// How to paint the wall.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WallStyle {
    /// Night colours.
    pub dark: bool,
    /// Columns of thumbnails (heads) and gaps between them, device pixels.
    pub n_cols: u32,
    /// Gap between thumbnails, device pixels.
    pub gap: u32,
    /// Which map (layer · n_heads + head) stands at each place; empty: in order.
    pub order: Vec<u32>,
    /// The pinned map.
    pub selected: Option<u32>,
    /// The map under the pointer.
    pub hovered: Option<u32>,
    /// Columns of these tokens are left out of the colour scale and painted as background.
    pub hidden_keys: Vec<u32>,
}

/// From the worker to the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Which engine runs, and why.
    Engine(EngineInfo),
    /// Models beside the page.
    Models(Vec<ModelOffer>),
    /// A load goes on.
    Progress(LoadProgress),
    /// A model is ready.
    Loaded(Box<ModelCard>),
    /// The text's tokens, before the model runs.
    Tokens {
        /// Of which run.
        run: RunId,
        /// The tokens, in order.
        tokens: Vec<TokenView>,
        /// What the visitor should know (cut to the context, …).
        notice: Option<String>,
    },
    /// A run (or one generated token) is done.
    Ran(RunReport),
    /// The hooks wanted; the attachment holds them as safetensors.
    Trace {
        /// Of which run.
        run: RunId,
    },
    /// What the model expects after the last token; the attachment holds all logits as f32.
    Predictions(Predictions),
    /// The logit lens that was wanted.
    Lens {
        /// Of which run.
        run: RunId,
        /// After which token.
        position: u32,
        /// From the embedding to the last layer.
        rows: Vec<LensRow>,
    },
    /// −ln p of every token given those before it, none for the first; after
    /// [`ToWorker::MaskEach`] given all others, none where that is not known yet.
    Losses {
        /// Of which run.
        run: RunId,
        /// In nats.
        losses: Vec<Option<f32>>,
    },
    /// Generation ended.
    Generated {
        /// Of which run.
        run: RunId,
        /// Why.
        end: GenerateEnd,
    },
    /// Cosine of every pair of sentence embeddings, row-major.
    Similarity {
        /// The sentences, as asked.
        texts: Vec<String>,
        /// `[n, n]`.
        cosines: Vec<f32>,
    },
    /// The two engines on the same tokens.
    EnginesCompared {
        /// Names of the engines.
        engines: [String; 2],
        /// ‖a − b‖ / ‖b‖ of the logits (or last hidden state).
        relative_error: f32,
        /// Largest absolute difference of any attention pattern.
        pattern_error: f32,
    },
    /// The attachment is the file.
    Exported {
        /// Suggested file name.
        file_name: String,
    },
    /// The wall's canvas cannot be painted on any more: make a new one and attach it.
    WallStale,
    /// Something failed; nothing else changed.
    Fault(Fault),
    /// What the model expects in the place of each masked token.
    Masked {
        /// Of which run.
        run: RunId,
        /// In the order of the text.
        places: Vec<MaskedPlace>,
    },
    /// The attachment holds the cells, row-major.
    Weights(WeightsPart),
    /// Singular values of the matrix that was asked for last.
    Spectrum {
        /// Its name.
        name: String,
        /// How much of the work is done, 0 to 1.
        done: f32,
        /// Largest first, once all are there.
        values: Vec<f32>,
        /// Why there are none, if there are none.
        why_not: Option<String>,
    },
    /// The source's tokens, before an encoder–decoder runs; [`FromWorker::Tokens`] are the target's.
    Source {
        /// Of which run.
        run: RunId,
        /// The tokens, in order.
        tokens: Vec<TokenView>,
        /// What the visitor should know (cut to the context, …).
        notice: Option<String>,
    },
    /// What an encoder–decoder has written so far.
    Written(Box<Written>),
    /// What comes of a change.
    Changed(Changed),
}

/// The engine's badge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// WebGPU or CPU.
    pub gpu: bool,
    /// Adapter or instruction set.
    pub name: String,
    /// A software adapter.
    pub software: bool,
    /// Why this engine: one sentence.
    pub why: String,
    /// Whether the other engine could be chosen.
    pub gpu_available: bool,
}

/// A model that lies beside the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelOffer {
    /// Folder name, for [`ModelSource::Bundled`].
    pub name: String,
    /// For people.
    pub title: String,
    /// Bytes to fetch.
    pub bytes: u64,
    /// SPDX expression.
    pub licence: String,
    /// Whether it is in the browser's cache.
    pub cached: bool,
}

/// Where a load stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadProgress {
    /// What is happening, for people: "Downloading model.safetensors".
    pub stage: String,
    /// Bytes so far.
    pub received: u64,
    /// Bytes in all, if known.
    pub total: Option<u64>,
    /// Bytes a second over the last seconds.
    pub rate: f64,
}

/// One token as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Vocabulary index.
    pub id: u32,
    /// Printable form: spaces and control characters as glyphs.
    pub text: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Byte range in the visitor's text; `None` for added tokens ([CLS], …) and generated ones.
    pub span: Option<(u32, u32)>,
    /// Added by the tokenizer, not typed.
    pub special: bool,
    /// Came from [`ToWorker::Generate`].
    pub generated: bool,
    /// Belongs to the second text of a pair.
    pub second: bool,
    /// The model got its mask in this token's place.
    pub masked: bool,
}

/// How a run went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Of which run.
    pub run: RunId,
    /// Tokens in all.
    pub n_tokens: u32,
    /// Of these, taken from the cache of the run before.
    pub n_reused: u32,
    /// Milliseconds from tokens to results.
    pub ms: f64,
    /// Largest |row sum − 1| over every pattern row of every head of the run.
    pub pattern_row_error: Option<f32>,
}

/// The model's expectation after the last token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// Of which run.
    pub run: RunId,
    /// After which token.
    pub position: u32,
    /// The 64 largest logits, largest first (softmax keeps their order at any temperature).
    pub top: Vec<Candidate>,
}

/// One possible next token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Vocabulary index.
    pub id: u32,
    /// Printable form.
    pub text: String,
    /// Its logit.
    pub logit: f32,
}

/// What a model expects in the place of a masked token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskedPlace {
    /// Which token.
    pub position: u32,
    /// Probability of the token that was masked.
    pub p_of_original: f32,
    /// How many tokens are more probable than it.
    pub rank_of_original: u32,
    /// The most probable tokens, with probabilities in place of logits.
    pub top: Vec<Candidate>,
}

/// What one layer would predict if it were the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensRow {
    /// Hook that was read (`blocks.3.hook_resid_pre`).
    pub hook: String,
    /// Its five most probable tokens, with probabilities in place of logits.
    pub top: Vec<Candidate>,
    /// Entropy of its distribution, nats.
    pub entropy: f32,
    /// Rank (0 = first) of the token that the last layer puts first.
    pub rank_of_final: u32,
    /// Probability of that token.
    pub p_of_final: f32,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GenerateEnd {
    /// As many tokens as asked.
    Length,
    /// The model's end token.
    EndToken,
    /// The context is full.
    Context,
    /// The visitor stopped it.
    Stopped,
}
