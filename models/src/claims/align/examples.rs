//! What the machine is looked at on: inputs that no step trains on, and whatever a visitor types.

use std::ops::Range;

use super::Task;
use crate::train::tasks::{DATES, Example, NUMBERS, REVERSAL};

/// Inputs and outputs of a task, the first one first.
pub fn examples(task: Task) -> Vec<Example> {
    let pairs: &[(&str, &str)] = match task {
        Task::Dates => &[
            ("27 march 2014", "2014-03-27"),
            ("september 15, 2014", "2014-09-15"),
            ("5 mar 2014", "2014-03-05"),
            ("16th of july 2014", "2014-07-16"),
        ],
        Task::Numbers => &[
            ("seven hundred and thirty-four", "734"),
            ("four hundred and eight", "408"),
            ("nine hundred and fourteen", "914"),
            ("forty-two", "42"),
        ],
        Task::Reversal => &[
            ("language", "egaugnal"),
            ("planet", "tenalp"),
            ("recurrent", "tnerrucer"),
            ("annotation", "noitatonna"),
        ],
    };
    let example = |&(input, output): &(&str, &str)| Example {
        input: input.to_owned(),
        output: output.to_owned(),
    };
    pairs.iter().map(example).collect()
}

/// Most characters of an input that a visitor types.
pub const LONGEST: usize = 32;

/// Why an input cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It has this many characters, more than [`LONGEST`].
    TooLong(usize),
    /// The models have no number for a character.
    Foreign(char),
}

/// All characters that a task has.
pub fn alphabet(task: Task) -> &'static str {
    match task {
        Task::Dates => DATES.alphabet,
        Task::Numbers => NUMBERS.alphabet,
        Task::Reversal => REVERSAL.alphabet,
    }
}

/// A text as the models of a task can read it, in small letters; none of nothing.
///
/// # Errors
/// If it is too long or has a character that the task has not.
pub fn readable(task: Task, text: &str) -> Result<Option<String>, Unfit> {
    let text = text.trim().to_lowercase();
    let n = text.chars().count();
    if let Some(foreign) = text.chars().find(|&c| !alphabet(task).contains(c)) {
        return Err(Unfit::Foreign(foreign));
    }
    match n {
        0 => Ok(None),
        _ if n > LONGEST => Err(Unfit::TooLong(n)),
        _ => Ok(Some(text)),
    }
}

/// What should be written for an input, where that is plain: letters backwards.
pub fn answer(task: Task, input: &str) -> Option<String> {
    (task == Task::Reversal).then(|| input.chars().rev().collect())
}

/// Whether no step trains on an input.
pub fn is_held_out(input: &str) -> bool {
    Example { input: input.to_owned(), output: String::new() }.is_held_out()
}

/// A part of an output that can come from one part of the input only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// For people.
    pub name: &'static str,
    /// Characters of the output.
    pub rows: Range<usize>,
    /// Characters of the input.
    pub cols: Range<usize>,
}

/// Year, month and day of a date whose output is told; of other tasks none.
pub fn blocks(task: Task, input: &str, output: &str) -> Vec<Block> {
    let [Some(year), Some(month), Some(day)] =
        [0..4, 5..7, 8..10].map(|range| Some(range.clone()).zip(output.get(range)))
    else {
        return Vec::new();
    };
    if task != Task::Dates {
        return Vec::new();
    }
    let find = |text: &str| input.find(text).map(|at| at..at + text.len());
    // A month has a name or a number between two points; a day stands alone, perhaps without its zero.
    let letters = |c: char| c.is_ascii_alphabetic();
    let words = input.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut starts = words.map(|word| (word.as_ptr() as usize - input.as_ptr() as usize, word));
    let mut named = starts.clone();
    let months = match named.find(|(_, word)| word.len() > 2 && word.chars().all(letters)) {
        Some((at, word)) => Some(at..at + word.len()),
        None => find(&format!(".{}.", month.1)).map(|range| range.start + 1..range.end - 1),
    };
    let bare = day.1.trim_start_matches('0');
    let days = starts.find(|(_, word)| {
        word.len() < 5 && word.trim_end_matches(letters).trim_start_matches('0') == bare
    });
    let days = days.map(|(at, word)| at..at + word.trim_end_matches(letters).len());
    let years = find(year.1);
    let all = [("year", year, years), ("month", month, months), ("day", day, days)];
    all.into_iter()
        .filter_map(|(name, (rows, _), cols)| Some(Block { name, rows, cols: cols? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::tasks;

    #[test]
    fn no_step_trains_on_them_and_all_can_be_written() {
        for task in Task::ALL {
            let (name, _) = task.of_training();
            let all = tasks::find(name).expect("a task").alphabet;
            assert_eq!(all, alphabet(task));
            for example in examples(task) {
                assert!(is_held_out(&example.input), "{example:?}");
                let mut characters = example.input.chars().chain(example.output.chars());
                assert!(characters.all(|c| all.contains(c)), "{example:?}");
                assert_eq!(readable(task, &example.input), Ok(Some(example.input.clone())));
                let known = answer(task, &example.input);
                assert!(known.is_none_or(|known| known == example.output), "{example:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(readable(Task::Dates, " 5 March 2014 "), Ok(Some("5 march 2014".to_owned())));
        assert_eq!(readable(Task::Dates, "  "), Ok(None));
        assert_eq!(readable(Task::Dates, "5 März"), Err(Unfit::Foreign('ä')));
        assert_eq!(readable(Task::Reversal, "a b"), Err(Unfit::Foreign(' ')));
        assert_eq!(readable(Task::Reversal, &"a".repeat(33)), Err(Unfit::TooLong(33)));
        assert_eq!(readable(Task::Reversal, &"a".repeat(32)), Ok(Some("a".repeat(32))));
        assert_eq!(answer(Task::Reversal, "abc").as_deref(), Some("cba"));
        assert_eq!(answer(Task::Numbers, "two"), None);
    }

    #[test]
    fn year_month_and_day_are_found_in_every_way_of_writing() {
        for (input, output, parts) in [
            ("27 march 2014", "2014-03-27", ["2014", "march", "27"]),
            ("september 15, 2014", "2014-09-15", ["2014", "september", "15"]),
            ("5 mar 2014", "2014-03-05", ["2014", "mar", "5"]),
            ("16th of july 2014", "2014-07-16", ["2014", "july", "16"]),
            ("04.03.2014", "2014-03-04", ["2014", "03", "04"]),
        ] {
            let found = blocks(Task::Dates, input, output);
            let found: Vec<&str> = found.iter().map(|block| &input[block.cols.clone()]).collect();
            assert_eq!(found, parts);
        }
        assert!(blocks(Task::Reversal, "planet", "tenalp").is_empty());
    }
}
