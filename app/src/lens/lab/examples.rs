//! What a task is about: some of its examples, made as the trainer makes them.

use vitrine_models::sample::Random;
use vitrine_models::train::tasks;

/// What is to be done, for people.
pub fn title(task: &str) -> Option<&'static str> {
    tasks::find(task).map(|task| task.title)
}

/// So many pairs of what is given and what is wanted; none of a text.
pub fn examples(task: &str, difficulty: &str, n: usize, seed: u64) -> Vec<(String, String)> {
    let Some(task) = tasks::find(task) else { return Vec::new() };
    let difficulty = difficulty.parse().unwrap_or(1);
    let mut random = Random::from_seed(seed);
    let made = (0..n).map(|_| (task.make)(&mut random, difficulty));
    made.map(|example| (example.input, example.output)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_of_the_task() {
        for (input, output) in examples("reversal", "1", 5, 1) {
            assert_eq!(input.chars().rev().collect::<String>(), output);
        }
        assert_eq!(examples("reversal", "1", 2, 7), examples("reversal", "1", 2, 7));
        assert_ne!(examples("reversal", "1", 2, 7), examples("reversal", "1", 2, 8));
        assert!(examples("text", "1", 5, 1).is_empty());
        assert!(title("dates").is_some() && title("text").is_none());
    }
}
