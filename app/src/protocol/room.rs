//! What a room and its worker say to each other. That worker is one more of the engine's module, which starts
//! when a room asks first; it has an engine of its own, so that the Explorer's model is left alone.
//!
//! A room asks; parts of the answer come as they are computed, then the end. What a room asks for, and what
//! comes, is its own: one variant a room in [`RoomAsk`] and [`RoomPart`].

use serde::{Deserialize, Serialize};
use vitrine_models::claims::fast_weights::capacity::{Capacity, Update};
use vitrine_models::claims::fast_weights::favor::{Favor, FavorError};
use vitrine_models::claims::fast_weights::timing::Timed;
use vitrine_models::claims::fast_weights::{Rules, Walk};

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
    /// Room 04.
    FastWeights(FastAsk),
}

/// Parts of answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoomPart {
    /// Room 04.
    FastWeights(FastPart),
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
