//! The tasks: one line each in [`TASKS`], whose order is the order on screen. An example is two short
//! texts; a model is right where it gives the second from the first, character by character.
//!
//! Which examples are held out follows from the input alone, so that no input is in both parts.

mod classes;
mod recall;
mod sequences;
mod words;

use crate::sample::Random;
pub(crate) use sequences::REVERSAL;
pub(crate) use words::{DATES, NUMBERS};

/// One task.
pub struct Task {
    /// The name in configurations.
    pub name: &'static str,
    /// What is to be done, for people.
    pub title: &'static str,
    /// All characters that occur.
    pub alphabet: &'static str,
    /// An example of a difficulty from 1.
    pub make: fn(&mut Random, usize) -> Example,
}

/// What is given and what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// What is given.
    pub input: String,
    /// What is wanted.
    pub output: String,
}

impl Example {
    fn new(input: impl Into<String>, output: impl Into<String>) -> Self {
        Self { input: input.into(), output: output.into() }
    }

    /// Whether it is held out: one input in eight, by its hash (FNV-1a).
    pub fn is_held_out(&self) -> bool {
        let hash = self.input.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 32).is_multiple_of(8)
    }
}

/// All tasks.
pub const TASKS: &[Task] = &[
    DATES,
    NUMBERS,
    REVERSAL,
    sequences::COPY,
    sequences::SORT,
    recall::ADDITION,
    recall::ASSOCIATIVE,
    recall::INDUCTION,
    sequences::BRACKETS,
    classes::PARITY,
    classes::MAJORITY,
    classes::LANGUAGE,
];

/// The task of a name.
pub fn find(name: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, stream};
    use super::*;

    #[test]
    fn examples_keep_to_the_alphabet_and_repeat_with_the_seed() {
        for task in TASKS {
            for difficulty in [1, 2, 5] {
                let mut random = stream(3, Purpose::Batch, 0);
                let examples: Vec<_> =
                    (0..200).map(|_| (task.make)(&mut random, difficulty)).collect();
                for Example { input, output } in &examples {
                    assert!(!input.is_empty() && !output.is_empty(), "{}", task.name);
                    for character in input.chars().chain(output.chars()) {
                        assert!(task.alphabet.contains(character), "{}: {character:?}", task.name);
                    }
                }
                let mut random = stream(3, Purpose::Batch, 0);
                assert_eq!((task.make)(&mut random, difficulty), examples[0]);
                let n_held_out = examples.iter().filter(|example| example.is_held_out()).count();
                assert!(n_held_out < 100, "{}: {n_held_out}", task.name);
            }
        }
    }

    #[test]
    fn difficulty_makes_examples_longer() {
        for task in TASKS.iter().filter(|task| task.name != "dates") {
            let length = |difficulty| {
                let mut random = stream(3, Purpose::Batch, 0);
                let lengths = (0..100).map(|_| (task.make)(&mut random, difficulty).input.len());
                lengths.sum::<usize>()
            };
            assert!(length(3) > length(1), "{}", task.name);
        }
    }
}
