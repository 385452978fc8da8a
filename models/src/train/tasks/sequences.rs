//! Sequences that are copied, turned, ordered or measured.

use super::super::random::below;
use super::{Example, Task};
use crate::sample::Random;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

pub(crate) const REVERSAL: Task = Task {
    name: "reversal",
    title: "Write the letters backwards",
    alphabet: LETTERS,
    make: |random, difficulty| {
        let letters = letters(random, difficulty);
        Example::new(letters.clone(), letters.chars().rev().collect::<String>())
    },
};

pub(super) const COPY: Task = Task {
    name: "copy",
    title: "Write the letters again",
    alphabet: LETTERS,
    make: |random, difficulty| {
        let letters = letters(random, difficulty);
        Example::new(letters.clone(), letters)
    },
};

pub(super) const SORT: Task = Task {
    name: "sort",
    title: "Put the letters in order",
    alphabet: LETTERS,
    make: |random, difficulty| {
        let letters = letters(random, difficulty);
        let mut sorted: Vec<char> = letters.chars().collect();
        sorted.sort_unstable();
        Example::new(letters, sorted.into_iter().collect::<String>())
    },
};

/// The depth of a bracket is that of what it encloses; beyond 9 none is opened.
pub(super) const BRACKETS: Task = Task {
    name: "brackets",
    title: "Give the depth of each bracket",
    alphabet: "()123456789",
    make: |random, difficulty| {
        let n_pairs = 2 * difficulty + below(random, 2 * difficulty);
        let (mut input, mut output) = (String::new(), String::new());
        let (mut depth, mut n_open) = (0, n_pairs);
        while n_open > 0 || depth > 0 {
            let opens = depth == 0 || n_open > 0 && depth < 9 && below(random, 2) == 0;
            if opens {
                depth += 1;
                n_open -= 1;
            }
            input.push(if opens { '(' } else { ')' });
            output.push_str(&depth.to_string());
            if !opens {
                depth -= 1;
            }
        }
        Example::new(input, output)
    },
};

/// 3 to 5 letters for each step of difficulty.
fn letters(random: &mut Random, difficulty: usize) -> String {
    let n_letters = 3 * difficulty + below(random, 2 * difficulty + 1);
    let letters = LETTERS.as_bytes();
    (0..n_letters).map(|_| char::from(letters[below(random, letters.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::random::{Purpose, stream};
    use super::*;

    #[test]
    fn outputs_follow_from_inputs() {
        let mut random = stream(1, Purpose::Batch, 0);
        for _ in 0..50 {
            let Example { input, output } = (REVERSAL.make)(&mut random, 2);
            assert_eq!(output.chars().rev().collect::<String>(), input);
            let Example { input, output } = (COPY.make)(&mut random, 2);
            assert_eq!(output, input);
            let Example { input, output } = (SORT.make)(&mut random, 2);
            assert!(output.as_bytes().is_sorted() && output.len() == input.len());
            let Example { input, output } = (BRACKETS.make)(&mut random, 3);
            let mut depth = 0;
            for (bracket, said) in input.chars().zip(output.chars()) {
                if bracket == '(' {
                    depth += 1;
                }
                assert_eq!(said.to_digit(10), Some(depth), "{input} {output}");
                if bracket == ')' {
                    depth -= 1;
                }
            }
            assert_eq!((depth, output.len()), (0, input.len()));
        }
    }
}
