//! What the machine is looked at on: inputs that no step trains on.

use std::ops::Range;

use super::Task;
use crate::train::tasks::Example;

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
            let alphabet = tasks::find(name).expect("a task").alphabet;
            for example in examples(task) {
                assert!(example.is_held_out(), "{example:?}");
                let mut characters = example.input.chars().chain(example.output.chars());
                assert!(characters.all(|c| alphabet.contains(c)), "{example:?}");
                if task == Task::Reversal {
                    assert_eq!(example.input.chars().rev().collect::<String>(), example.output);
                }
            }
        }
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
