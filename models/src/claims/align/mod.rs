//! Align and translate (Bahdanau, Cho, Bengio 2014, arXiv 1409.0473), as Room 01 shows it: two
//! encoder–decoders of gated recurrent units that differ in one thing, whether the decoder asks the source
//! before each character. Both are trained on the same examples: with what is seen of them on the way
//! ([`train`]), and with how each does on inputs of each length ([`lengths`]).

mod course;
mod examples;
mod lengths;
mod shot;

use serde::{Deserialize, Serialize};

use crate::train::init::Init;
use crate::train::nano::Kind;
use crate::train::schedule::Curve;
use crate::train::{NanoConfig, TrainConfig};
pub use course::{Course, Kept, Told, train};
pub use examples::{
    Block, LONGEST, Unfit, alphabet, answer, blocks, examples, is_held_out, readable,
};
pub use lengths::{ByLength, LETTERS, Lengths, lengths};
pub use shot::{Errors, Seen, Shot, look};

/// Which of the two models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Twin {
    /// The decoder asks the source before each character.
    Attention,
    /// The decoder gets the mean of all annotations, the same before each character.
    Fixed,
}

impl Twin {
    /// Both, in the order of the screen.
    pub const ALL: [Self; 2] = [Self::Attention, Self::Fixed];
}

/// What the machine learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Dates, as people write them, to year-month-day.
    Dates,
    /// Numbers in words, to figures.
    Numbers,
    /// Letters, backwards.
    Reversal,
}

impl Task {
    /// All, in the order of the screen.
    pub const ALL: [Self; 3] = [Self::Dates, Self::Numbers, Self::Reversal];

    /// Its name among [`crate::train::tasks::TASKS`], and how hard it is here.
    fn of_training(self) -> (&'static str, usize) {
        match self {
            Self::Dates => ("dates", 2),
            Self::Numbers => ("numbers", 2),
            Self::Reversal => ("reversal", 2),
        }
    }
}

/// Sequences of a step.
const N_SEQUENCES: usize = 32;

/// What both models have in common. The configuration is that of `assets/models/dates-gru`.
fn config(twin: Twin, d_model: usize, [seed, n_steps]: [u32; 2]) -> TrainConfig {
    let kind = match twin {
        Twin::Attention => Kind::Gru,
        Twin::Fixed => Kind::GruFixed,
    };
    let model = NanoConfig {
        kind,
        n_layers: 1,
        d_model,
        n_ctx: 64,
        init: Init::Xavier,
        ..NanoConfig::default()
    };
    let mut config = TrainConfig { model, seed: seed.into(), ..TrainConfig::default() };
    config.optimiser.rate = 5e-3;
    config.optimiser.decay = 0.01;
    config.schedule.curve = Curve::Cosine;
    config.schedule.warmup = 50.min(n_steps as usize / 4);
    config.schedule.floor = 0.02;
    config.run.n_steps = (n_steps as usize).max(1);
    config.run.n_sequences = N_SEQUENCES;
    config
}
