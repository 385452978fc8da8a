//! What a room and its worker say to each other. That worker is one more of the engine's module, which starts
//! when a room asks first; it has an engine of its own, so that the Explorer's model is left alone.
//!
//! A room asks; parts of the answer come as they are computed, then the end. What a room asks for, and what
//! comes, is its own: one variant a room in [`RoomAsk`] and [`RoomPart`].

use serde::{Deserialize, Serialize};
use vitrine_models::claims::align::{ByLength, Course, Lengths, Shot, Twin};
use vitrine_models::claims::attention;
use vitrine_models::claims::attention::scale::{Products, Scale};
use vitrine_models::claims::fast_weights::capacity::{Capacity, Update};
use vitrine_models::claims::fast_weights::favor::{Favor, FavorError};
use vitrine_models::claims::fast_weights::slow_net::{SlowLook, SlowNet};
use vitrine_models::claims::fast_weights::timing::Timed;
use vitrine_models::claims::fast_weights::{Rules, Walk};
use vitrine_models::claims::flash;
use vitrine_models::claims::flash::backward::Backward;
use vitrine_models::claims::flash::timing::Time;
use vitrine_models::claims::flash::traffic::Moved;
use vitrine_models::claims::flash::zoo::{Seen, Way};
use vitrine_models::claims::flash::{BackWalk, Qkv};
use vitrine_models::claims::norms::{Place, Race, Setting, Streams, Stride};

use super::{EngineChoice, EngineInfo};

/// Counts what a page asks for; what is said of an older ask of the same slot is dropped.
pub type AskNo = u32;

/// From a room to its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToRoom {
    /// Compute something: [`FromRoom::Part`] … then [`FromRoom::Done`], or [`FromRoom::Fault`].
    Ask {
        /// The page's count.
        no: AskNo,
        /// What is asked anew in the same slot replaces what was asked before.
        slot: String,
        /// On which engine.
        engine: EngineChoice,
        /// What.
        ask: RoomAsk,
    },
    /// Give up what is computed or waits in a slot.
    Cancel {
        /// Which.
        slot: String,
    },
}

/// What rooms ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoomAsk {
    /// Room 01.
    Align(AlignAsk),
    /// Room 02.
    Attention(AttentionAsk),
    /// Room 03.
    Norms(NormsAsk),
    /// Room 04.
    FastWeights(FastAsk),
    /// Room 10.
    Flash(FlashAsk),
}

/// Parts of answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoomPart {
    /// Room 01.
    Align(AlignPart),
    /// Room 02.
    Attention(AttentionPart),
    /// Room 03.
    Norms(NormsPart),
    /// Room 04.
    FastWeights(FastPart),
    /// Room 10.
    Flash(FlashPart),
}

/// From the worker to a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromRoom {
    /// Something failed. (assets/worker.js writes this one without the engine.)
    Fault {
        /// What went wrong.
        what: String,
        /// What to do.
        advice: String,
        /// What was asked for; none where the worker itself failed.
        no: Option<AskNo>,
    },
    /// Which engine computes, and why.
    Engine(EngineInfo),
    /// A part of an answer.
    Part {
        /// Of which ask.
        no: AskNo,
        /// The part.
        part: Box<RoomPart>,
    },
    /// All parts have come.
    Done {
        /// Of which ask.
        no: AskNo,
    },
}

/// What Room 01 asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AlignAsk {
    /// Runs, one after another: an [`AlignPart::Loss`] for each step and an [`AlignPart::Shot`] for each look. Looks
    /// are at the task's examples, and at one more input where there is one. The worker keeps the models of each
    /// look.
    Train(Vec<Course>, Option<String>),
    /// One more input, by the kept models of each look: as many [`AlignPart::Own`], those of one model first.
    Own(Twin, String),
    /// Runs that are then measured by the length of the input: an [`AlignPart::Loss`] for each step and an
    /// [`AlignPart::Length`] for each length.
    Lengths(Vec<Lengths>),
}

/// What comes to Room 01.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AlignPart {
    /// A step of a run.
    Loss {
        /// Of which model.
        twin: Twin,
        /// Its loss.
        loss: f32,
    },
    /// A look at a run.
    Shot {
        /// Of which model.
        twin: Twin,
        /// What is seen.
        shot: Box<Shot>,
    },
    /// A look at one more input.
    Own {
        /// By which model.
        twin: Twin,
        /// What is seen, of this input alone.
        shot: Box<Shot>,
    },
    /// How a model does on one length.
    Length {
        /// Which model.
        twin: Twin,
        /// How.
        length: ByLength,
    },
}

/// What Room 04 asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FastAsk {
    /// A walk over the tokens of one head: one [`FastPart::Walk`].
    Walk {
        /// T.
        n_tokens: u32,
        /// `[T, d_head]`: queries, keys and values.
        qkv: [Vec<f32>; 3],
        /// How fast weights are written and read.
        rules: Rules,
    },
    /// Errors by the number of stored pairs, of each map: as many [`FastPart::Capacity`], in order.
    Capacity(Vec<Capacity>),
    /// The machine of 1991 in training: a [`FastPart::SlowLook`] before the first step and every few.
    SlowNet(SlowNet),
    /// Keys that come again: one [`FastPart::Update`].
    Update(Update),
    /// Errors of random features: one [`FastPart::Favor`].
    Favor(Favor),
    /// Times of each form, numbers of tokens from small to large: as many [`FastPart::Time`].
    Time(Vec<(Timed, Vec<u32>)>),
}

/// What comes to Room 04.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FastPart {
    /// Each step of a walk.
    Walk(Box<Walk>),
    /// Of each count, the error; of the map of that place in the ask.
    Capacity {
        /// Which map.
        place: u32,
        /// One a count.
        errors: Vec<f32>,
    },
    /// Both nets after some step.
    SlowLook(Box<SlowLook>),
    /// Of each number of writes, the error of the sum rule and of the delta rule.
    Update(Vec<[f32; 2]>),
    /// Of each number of directions.
    Favor(Vec<FavorError>),
    /// One time.
    Time {
        /// Of which form.
        timed: Timed,
        /// On so many tokens.
        n_tokens: u32,
        /// Milliseconds.
        ms: f64,
    },
}

/// What Room 10 asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FlashAsk {
    /// A walk over the tiles of one head, and its backward pass: one [`FlashPart::Walk`].
    Walk {
        /// The head.
        qkv: Qkv,
        /// The blocks.
        rules: flash::Rules,
    },
    /// Another way to attend on the same rows: one [`FlashPart::Seen`].
    See {
        /// The head.
        qkv: Qkv,
        /// The way.
        way: Way,
        /// Whether rows see no keys after their own.
        causal: bool,
    },
    /// What blocks of some sizes move, and how long they take, on N rows of d columns: as many
    /// [`FlashPart::Block`] as workgroups have room for.
    Blocks {
        /// N and d.
        shape: [u32; 2],
        /// Rows of a block.
        sizes: Vec<u32>,
    },
    /// Times of kernels, numbers of rows from small to large: as many [`FlashPart::Time`].
    Times {
        /// d.
        d_head: u32,
        /// Rows of a block.
        size: u32,
        /// Which, on how many rows.
        timed: Vec<(flash::timing::Timed, Vec<u32>)>,
    },
    /// One tile of so many is computed: as many [`FlashPart::Sparse`].
    Sparse {
        /// N and d.
        shape: [u32; 2],
        /// Rows of a block.
        size: u32,
        /// Of how many tiles one.
        one_of: Vec<u32>,
    },
    /// Ways to attend on one head, and their times on N rows: as many [`FlashPart::Way`].
    Ways {
        /// The head.
        qkv: Qkv,
        /// The ways.
        ways: Vec<Way>,
        /// N.
        n_rows: u32,
        /// Whether rows see no keys after their own.
        causal: bool,
    },
}

/// What comes to Room 10.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FlashPart {
    /// A walk, its backward pass as kernels of training do it, and tile by tile where blocks have room for that.
    Walk(Box<flash::Walk>, Backward, Option<Box<BackWalk>>),
    /// What one way gives.
    Seen(Box<Seen>),
    /// Blocks of one size.
    Block {
        /// Rows of a block.
        size: u32,
        /// What is moved.
        moved: Moved,
        /// How long it takes.
        time: Time,
    },
    /// One time.
    Time {
        /// Of which kernels.
        timed: flash::timing::Timed,
        /// On so many rows.
        n_rows: u32,
        /// How long.
        time: Time,
    },
    /// Some of the tiles.
    Sparse {
        /// Of how many tiles one.
        one_of: u32,
        /// What is moved.
        moved: Moved,
        /// How long it takes.
        time: Time,
    },
    /// One way.
    Way {
        /// Which.
        way: Way,
        /// How far its result is from that of full attention.
        error: f64,
        /// Products that it needs, and full attention.
        n_products: [u64; 2],
        /// How long it takes on N rows, where a kernel leaves out what it leaves out.
        time: Option<Time>,
    },
}

/// What Room 03 asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NormsAsk {
    /// Models of the paper's analysis before their first step, one for each place of the norms: as many
    /// [`NormsPart::Streams`] and [`NormsPart::Gradients`].
    Start {
        /// Layers.
        n_layers: u32,
        /// Of the weights.
        seed: u32,
    },
    /// Gradients before the first step, the mean over some seeds: a [`NormsPart::Gradients`] for each depth
    /// and place, depth after depth.
    Gradients {
        /// Which models.
        setting: Setting,
        /// Where the norms stand.
        places: Vec<Place>,
        /// Numbers of layers.
        depths: Vec<u32>,
        /// How many seeds.
        n_seeds: u32,
    },
    /// Runs, one after another: a [`NormsPart::Step`] for each step.
    Race(Vec<Race>),
}

/// What comes to Room 03.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NormsPart {
    /// How large and how alike the layers' outputs are.
    Streams {
        /// Where the norms stand.
        place: Place,
        /// Layer by layer.
        streams: Streams,
    },
    /// The gradient of each layer.
    Gradients {
        /// Where the norms stand.
        place: Place,
        /// Layer by layer.
        gradients: Vec<f64>,
    },
    /// A step of a run.
    Step {
        /// Which run.
        runner: u32,
        /// What it was.
        stride: Stride,
    },
}

/// What Room 02 asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttentionAsk {
    /// Products of random queries and keys: an [`AttentionPart::Products`] for each d_k.
    Scale(Scale),
    /// Times of a layer's mixing on n rows of d columns: as many [`AttentionPart::Time`], in order.
    Times(Vec<(attention::timing::Timed, [u32; 2])>),
}

/// What comes to Room 02.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttentionPart {
    /// Of one d_k.
    Products(Products),
    /// One time.
    Time {
        /// Of which layer.
        timed: attention::timing::Timed,
        /// n and d.
        shape: [u32; 2],
        /// How long.
        time: Time,
    },
}
