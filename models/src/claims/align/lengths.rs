//! How well each model writes inputs of each length (the paper's Fig. 2): letters written backwards, of one
//! letter up to a longest one in training, and of longer ones when it is measured.

use serde::{Deserialize, Serialize};
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::{Control, Engine};

use super::super::{give_back, taken};
use super::{Twin, config};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::{Purpose, below, stream};
use crate::train::tasks::{Example, Task};
use crate::train::{Dataset, Snapshot, TrainConfig, Trainer};

/// The letters of the inputs.
pub const LETTERS: &str = "abcdefghij";

/// Any number of letters up to the longest is as likely as any other.
static OF_ANY_LENGTH: Task = Task {
    name: "any length",
    title: "Write the letters backwards",
    alphabet: LETTERS,
    make: |random, longest| {
        let n_letters = 1 + below(random, longest);
        of_length(random, n_letters)
    },
};

/// A run, and what is measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// Which model.
    pub twin: Twin,
    /// Of weights and examples.
    pub seed: u32,
    /// Width of embeddings and units.
    pub d_model: u32,
    /// Steps.
    pub n_steps: u32,
    /// Letters of the longest input of training.
    pub longest: u32,
    /// Numbers of letters that are measured, from few to many.
    pub measured: Vec<u32>,
    /// Inputs of each.
    pub n_each: u32,
}

impl Lengths {
    /// What the page measures.
    pub fn of(twin: Twin, seed: u32) -> Self {
        Self {
            twin,
            seed,
            d_model: 32,
            n_steps: 400,
            longest: 12,
            measured: (2..=8).map(|at| 2 * at).collect(),
            n_each: 24,
        }
    }
}

/// How a model does on inputs of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ByLength {
    /// Letters of an input.
    pub n_letters: u32,
    /// The share of places where the right letter is written, over all inputs; what is too long or too short
    /// is wrong.
    pub right: f32,
    /// The share of inputs that are written without a fault.
    pub whole: f32,
}

/// Trains, telling each loss; then measures, telling each length. The engine is empty afterwards; what is
/// measured runs on the processor.
///
/// # Errors
/// What the engine reports; cancellation.
pub async fn lengths(
    engine: &mut Engine,
    asked: &Lengths,
    loss: &mut dyn FnMut(f32),
    told: &mut dyn FnMut(ByLength),
    control: &Control,
) -> Result<(), ModelError> {
    let mut config = config(asked.twin, asked.d_model as usize, [asked.seed, asked.n_steps]);
    config.data.difficulty = (asked.longest as usize).max(1);
    let data = Dataset::of_examples(&config, &OF_ANY_LENGTH)?;
    let mut trainer = Trainer::new(taken(engine), &config, &data).await?;
    let outcome = run(&mut trainer, (&config, &data), asked, loss, told, control).await;
    give_back(engine, trainer.into_engine());
    outcome
}

async fn run(
    trainer: &mut Trainer,
    (config, data): (&TrainConfig, &Dataset),
    asked: &Lengths,
    loss: &mut dyn FnMut(f32),
    told: &mut dyn FnMut(ByLength),
    control: &Control,
) -> Result<(), ModelError> {
    for step in 0..asked.n_steps as usize {
        loss(trainer.step(&data.batch(step)?, control).await?.loss);
    }
    let vocabulary = data.vocabulary();
    let engine = Engine::Cpu(CpuEngine::new());
    let mut snapshot = Snapshot::of(trainer, config, vocabulary, engine, control).await?;
    for &n_letters in &asked.measured {
        let mut random = stream(asked.seed.into(), Purpose::Sample, n_letters.into());
        let (mut n_places, mut n_right, mut n_whole) = (0, 0, 0);
        for _ in 0..asked.n_each {
            let example = held_out(&mut random, n_letters as usize);
            let input = vocabulary.encode(&example.input)?;
            let output = vocabulary.encode(&example.output)?;
            let written = snapshot.write(&input, output.len() + 1, control).await?;
            n_places += written.len().max(output.len());
            n_right += written.iter().zip(&output).filter(|(own, right)| own == right).count();
            n_whole += usize::from(written == output);
        }
        let right = n_right as f32 / n_places.max(1) as f32;
        let whole = n_whole as f32 / asked.n_each.max(1) as f32;
        told(ByLength { n_letters, right, whole });
    }
    Ok(())
}

fn of_length(random: &mut Random, n_letters: usize) -> Example {
    let letters = LETTERS.as_bytes();
    let letter = |_| char::from(letters[below(random, letters.len())]);
    let input: String = (0..n_letters).map(letter).collect();
    let output = input.chars().rev().collect();
    Example { input, output }
}

/// Letters from which on some inputs are held out: the hash that decides tells shorter ones not apart.
const SHORTEST: usize = 4;

/// An input of a length that no step trains on.
fn held_out(random: &mut Random, n_letters: usize) -> Example {
    loop {
        let example = of_length(random, n_letters.max(SHORTEST));
        if example.is_held_out() {
            return example;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_have_the_length_asked_for_and_are_held_out() {
        let mut random = stream(1, Purpose::Sample, 0);
        for n_letters in [SHORTEST, 5, 16] {
            let Example { input, output } = held_out(&mut random, n_letters);
            assert_eq!(input.len(), n_letters);
            assert_eq!(output.chars().rev().collect::<String>(), input);
        }
        let lengths: std::collections::BTreeSet<usize> =
            (0..400).map(|_| (OF_ANY_LENGTH.make)(&mut random, 12).input.len()).collect();
        assert_eq!(lengths, (1..=12).collect());
    }
}
