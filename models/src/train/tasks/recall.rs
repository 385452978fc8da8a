//! What must be looked up in the input, and sums.

use super::super::random::{below, shuffle};
use super::{Example, Task};
use crate::sample::Random;

/// Numbers of up to `difficulty + 1` digits.
pub(super) const ADDITION: Task = Task {
    name: "addition",
    title: "Add two numbers",
    alphabet: "0123456789+",
    make: |random, difficulty| {
        let limit = 10_usize.pow(difficulty.min(8) as u32 + 1);
        let (a, b) = (below(random, limit), below(random, limit));
        Example::new(format!("{a}+{b}"), (a + b).to_string())
    },
};

/// Pairs of a letter and a digit, then a letter (Ba et al. 2016, arXiv 1610.06258).
pub(super) const ASSOCIATIVE: Task = Task {
    name: "associative_recall",
    title: "Find the digit that stood behind the letter",
    alphabet: "abcdefghijklmnopqrstuvwxyz0123456789?",
    make: |random, difficulty| {
        let mut keys: Vec<char> = ('a'..='z').collect();
        shuffle(random, &mut keys);
        keys.truncate((2 * difficulty).min(keys.len()));
        let digits: Vec<usize> = keys.iter().map(|_| below(random, 10)).collect();
        let pairs = keys.iter().zip(&digits).map(|(key, digit)| format!("{key}{digit}"));
        let asked = below(random, keys.len());
        let input = format!("{}?{}", pairs.collect::<String>(), keys[asked]);
        Example::new(input, digits[asked].to_string())
    },
};

/// A stretch of letters, then its beginning again: what follows is in the text (Olsson et al. 2022,
/// arXiv 2209.11895).
pub(super) const INDUCTION: Task = Task {
    name: "induction",
    title: "Go on as the text went on before",
    alphabet: "abcdefghijklmnopqrstuvwxyz ",
    make: |random, difficulty| {
        let n_letters = 6 + 4 * difficulty;
        // No letter follows two different ones, so that what goes on is certain.
        let mut letters: Vec<char> = ('a'..='z').collect();
        shuffle(random, &mut letters);
        let stretch: String = letters.iter().take(n_letters).collect();
        let n_letters = stretch.len();
        let at = 1 + below(random, n_letters - 4);
        let prefix = distractor(random, difficulty);
        Example::new(format!("{prefix}{stretch} {}", &stretch[..at]), &stretch[at..at + 3])
    },
};

/// Letters before the stretch, parted from it.
fn distractor(random: &mut Random, difficulty: usize) -> String {
    let n_letters = below(random, 2 * difficulty);
    let letters = (0..n_letters).map(|_| char::from(b'a' + below(random, 26) as u8));
    format!("{} ", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::super::random::{Purpose, stream};
    use super::*;

    #[test]
    fn answers_are_in_the_input() {
        let mut random = stream(1, Purpose::Batch, 0);
        for _ in 0..50 {
            let Example { input, output } = (ADDITION.make)(&mut random, 2);
            let (a, b) = input.split_once('+').expect("a sum");
            let number = |text: &str| text.parse::<usize>().expect("a number");
            assert_eq!(number(a) + number(b), number(&output));
            let Example { input, output } = (ASSOCIATIVE.make)(&mut random, 3);
            let (pairs, key) = input.split_once('?').expect("a question");
            assert!(pairs.contains(&format!("{key}{output}")), "{input} {output}");
            let Example { input, output } = (INDUCTION.make)(&mut random, 2);
            let (before, begun) = input.rsplit_once(' ').expect("a stretch");
            assert!(before.contains(&format!("{begun}{output}")), "{input} {output}");
        }
    }
}
