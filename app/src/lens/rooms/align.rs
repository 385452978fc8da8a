//! Room 01: what a decoder does for one character as matrices, and what was measured as charts.

use vitrine_models::claims::align::{
    ByLength, Errors, LONGEST, Seen, Task, Twin, Unfit, blocks, is_held_out,
};

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};

/// What a step of the decoder is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// e: a score for each character of the source.
    Scores,
    /// α: its share of the weight.
    Weights,
    /// h: the annotations.
    Annotations,
    /// c: the context.
    Context,
    /// The state before.
    Before,
    /// r: the reset gate.
    Reset,
    /// z: the update gate.
    Update,
    /// The candidate.
    Candidate,
    /// The state after.
    After,
}

/// What a model is called.
pub fn name(twin: Twin) -> &'static str {
    match twin {
        Twin::Attention => "attention",
        Twin::Fixed => "fixed vector",
    }
}

/// A label a character, and one for the end.
pub fn labels(text: &str) -> Vec<String> {
    let label = |c: char| if c == ' ' { "␣".to_owned() } else { c.to_string() };
    text.chars().map(label).chain(["end".to_owned()]).collect()
}

/// α: a row for each character that is written, a column for each that was read.
pub fn alignment(seen: &Seen) -> Option<MatrixView> {
    let (n_rows, n_cols) = (seen.n_target(), seen.n_source());
    (seen.alignment.len() == n_rows * n_cols).then(|| MatrixView {
        n_rows,
        n_cols,
        values: seen.alignment.clone(),
        row_labels: labels(&seen.output),
        col_labels: labels(&seen.input),
        scale: Scale::UNIT,
        quantity: "share of the weight".to_owned(),
        ..MatrixView::default()
    })
}

/// A part of one step of the decoder. Scores, weights and annotations have a row for each character of the
/// source; all else is one row.
pub fn of_row(seen: &Seen, row: usize, shown: Shown) -> Option<MatrixView> {
    let gate = |at: usize| Some(seen.gates_of(row)?[at]);
    let (values, quantity) = match shown {
        Shown::Scores => (seen.scores_of(row)?, "score"),
        Shown::Weights => (seen.alignment_of(row)?, "share of the weight"),
        Shown::Annotations => (&seen.annotations[..], "annotation"),
        Shown::Context => (seen.context_of(row)?, "context"),
        Shown::Before => (seen.state_before(row)?, "state"),
        Shown::Reset => (gate(0)?, "gate"),
        Shown::Update => (gate(1)?, "gate"),
        Shown::Candidate => (gate(2)?, "candidate"),
        Shown::After => (seen.state_of(row)?, "state"),
    };
    let is_of_source = matches!(shown, Shown::Scores | Shown::Weights | Shown::Annotations);
    let n_rows = if is_of_source { seen.n_source() } else { 1 };
    let n_cols = values.len() / n_rows;
    let signed = Scale::diverging(&[-1.0, 1.0]);
    let scale = match shown {
        Shown::Scores => Scale::diverging(&seen.scores),
        Shown::Weights | Shown::Reset | Shown::Update => Scale::UNIT,
        // What comes of tanh, and means of it, lies between −1 and 1.
        _ => signed,
    };
    let (row_labels, col_labels) = match shown {
        Shown::Scores => (labels(&seen.input), vec!["e".to_owned()]),
        Shown::Weights => (labels(&seen.input), vec!["α".to_owned()]),
        Shown::Annotations => (labels(&seen.input), numbers(n_cols)),
        // As broad as the labels of the annotations, above which it stands.
        Shown::Context => (vec!["  c".to_owned()], numbers(n_cols)),
        _ => (vec![String::new()], numbers(n_cols)),
    };
    (n_cols > 0).then(|| MatrixView {
        n_rows,
        n_cols,
        values: values.to_vec(),
        row_labels,
        col_labels,
        scale,
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

fn numbers(n: usize) -> Vec<String> {
    (1..=n).map(|at| at.to_string()).collect()
}

/// What one row writes, and where it looks most.
pub fn row_line(seen: &Seen, row: usize) -> Option<String> {
    let (written, read) = (labels(&seen.output), labels(&seen.input));
    let weights = seen.alignment_of(row)?;
    let most = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]))?;
    let quoted = |label: &str| match label {
        "end" => "the end".to_owned(),
        label => format!("“{label}”"),
    };
    Some(format!(
        "Row {}: the model is to write {}. {} of the weight, the most, is on {}, character {} of the source.",
        row + 1,
        quoted(written.get(row)?),
        format::three(weights[most]),
        quoted(read.get(most)?),
        most + 1,
    ))
}

/// How much of its weight each part of a date lays on the same part of the source.
pub fn found_line(task: Task, seen: &Seen) -> Option<String> {
    let blocks = blocks(task, &seen.input, &seen.output);
    let parts: Option<Vec<String>> = blocks
        .into_iter()
        .map(|block| {
            let share = seen.share(block.rows, block.cols)?;
            Some(format!("the {} {}", block.name, format::three(share)))
        })
        .collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    Some(format!("Weight on the right part of the source: {}.", parts.join(", ")))
}

/// What is to be said of an input that was typed; nothing where nothing was.
pub fn own_words(task: Task, text: &Result<Option<String>, Unfit>) -> Option<String> {
    let known = match task {
        Task::Dates => "the letters a to z, figures, spaces and , . - /",
        Task::Numbers => "the letters a to z, figures, spaces and -",
        Task::Reversal => "the letters a to z",
    };
    match text {
        Ok(None) => None,
        Ok(Some(text)) if is_held_out(text) => Some(
            "No step trains on this input. The decoder is told what it wrote itself.".to_owned(),
        ),
        Ok(Some(_)) => Some(
            "A step may have trained on this input, if it is one of the task’s. The decoder is told what it wrote itself."
                .to_owned(),
        ),
        Err(Unfit::Foreign(' ')) => {
            Some(format!("A space cannot be read here: the models know {known}. The example is shown."))
        }
        Err(Unfit::Foreign(foreign)) => Some(format!(
            "“{foreign}” cannot be read here: the models know {known}. The example is shown."
        )),
        Err(Unfit::TooLong(n)) => Some(format!(
            "{n} characters are too many: at most {LONGEST} can be read. The example is shown."
        )),
    }
}

/// Losses over steps; the marker stands where the machine does.
pub fn loss_chart(losses: &[Vec<f32>; 2], at: Option<u32>) -> Option<ChartSpec> {
    let line = |(color, twin): (u8, Twin)| Line {
        name: format!("• {}", name(twin)),
        color,
        points: (1..)
            .zip(&losses[usize::from(color)])
            .map(|(step, loss)| (step as f32, *loss))
            .collect(),
    };
    let has_any = losses.iter().any(|own| own.len() > 1);
    has_any.then(|| ChartSpec {
        title: "Loss by the step, the same first weights and examples".into(),
        x_name: "step".into(),
        y_name: "loss".into(),
        lines: (0..).zip(Twin::ALL).map(line).collect(),
        is_x_whole: true,
        marker: at.map(|step| step as f32),
        ..ChartSpec::default()
    })
}

/// Letters that are right, by the length; the marker stands at the longest input of training.
pub fn length_chart(found: &[Vec<ByLength>; 2], longest: u32) -> Option<ChartSpec> {
    let line = |(color, twin): (u8, Twin)| Line {
        name: format!("• {}", name(twin)),
        color,
        points: found[usize::from(color)]
            .iter()
            .map(|one| (one.n_letters as f32, one.right))
            .collect(),
    };
    let has_any = found.iter().any(|own| !own.is_empty());
    has_any.then(|| ChartSpec {
        title: "Letters written right, by the length of the input".into(),
        x_name: "letters of the input".into(),
        y_name: "share of letters right".into(),
        lines: (0..).zip(Twin::ALL).map(line).collect(),
        y_range: Some((0.0, 1.0)),
        is_x_whole: true,
        marker: Some(longest as f32),
        ..ChartSpec::default()
    })
}

/// The shortest measured length at which fewer than half of the letters are right.
pub fn first_below_half(found: &[ByLength]) -> Option<u32> {
    found.iter().find(|one| one.right < 0.5).map(|one| one.n_letters)
}

/// Mean shares of letters that are right: up to the longest input of training, and beyond it.
pub fn means(found: &[ByLength], longest: u32) -> [Option<f32>; 2] {
    let mean = |is_own: &dyn Fn(u32) -> bool| {
        let own: Vec<f32> =
            found.iter().filter(|one| is_own(one.n_letters)).map(|one| one.right).collect();
        (!own.is_empty()).then(|| own.iter().sum::<f32>() / own.len() as f32)
    };
    [mean(&|n| n <= longest), mean(&|n| n > longest)]
}

/// `94.1 %`.
pub fn percent(share: f32) -> String {
    format!("{} %", format::three(100.0 * share))
}

/// One of the errors, for the line of what must hold.
pub fn error(errors: Errors, which: usize) -> Option<f32> {
    let error = match which {
        0 => Some(errors.rows),
        1 => errors.softmax,
        2 => Some(errors.contexts),
        _ => Some(errors.states),
    };
    error.map(|error| error as f32)
}

#[cfg(test)]
mod tests {
    use vitrine_models::claims::align::readable;

    use super::*;

    /// "5 m" to "m": two rows, four columns, d = 1.
    fn seen() -> Seen {
        Seen {
            input: "5 m".to_owned(),
            output: "m".to_owned(),
            written: "m".to_owned(),
            d_hidden: 1,
            scores: vec![0.0; 8],
            alignment: vec![0.1, 0.1, 0.7, 0.1, 0.0, 0.0, 0.0, 1.0],
            annotations: vec![0.5; 8],
            contexts: vec![0.5; 4],
            start: vec![0.25],
            states: vec![0.5, 0.75],
            gates: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_in_words() {
        let of = |text: &str| own_words(Task::Reversal, &readable(Task::Reversal, text));
        assert_eq!(of(" "), None);
        assert!(
            of("a7").unwrap().starts_with("“7” cannot be read here: the models know the letters")
        );
        assert!(of("a b").unwrap().starts_with("A space"));
        assert!(of(&"a".repeat(40)).unwrap().starts_with("40 characters"));
        for text in ["planet", "planets"] {
            let says_none = of(text).unwrap().starts_with("No step");
            assert_eq!(says_none, is_held_out(text), "{text}");
        }
    }

    #[test]
    fn an_alignment_has_a_row_for_what_is_written_and_a_column_for_what_was_read() {
        let view = alignment(&seen()).unwrap();
        assert_eq!((view.n_rows, view.n_cols), (2, 4));
        assert_eq!(view.row_labels, ["m", "end"]);
        assert_eq!(view.col_labels, ["5", "␣", "m", "end"]);
        assert_eq!(alignment(&Seen { alignment: vec![1.0], ..seen() }), None);
    }

    #[test]
    fn parts_of_a_row() {
        let part = |row, shown| of_row(&seen(), row, shown);
        let weights = part(1, Shown::Weights).unwrap();
        assert_eq!((weights.n_rows, weights.n_cols, weights.values[3]), (4, 1, 1.0));
        let annotations = part(0, Shown::Annotations).unwrap();
        assert_eq!((annotations.n_rows, annotations.n_cols), (4, 2));
        assert_eq!(part(0, Shown::Context).unwrap().n_cols, 2);
        assert_eq!(part(0, Shown::Before).unwrap().values, [0.25]);
        assert_eq!(part(1, Shown::Before).unwrap().values, [0.5]);
        assert_eq!(part(1, Shown::Update).unwrap().values, [0.5]);
        assert_eq!(part(1, Shown::Candidate).unwrap().values, [0.6]);
        assert_eq!(part(2, Shown::After), None);
        let fixed = Seen { scores: Vec::new(), ..seen() };
        assert_eq!(of_row(&fixed, 0, Shown::Scores), None);
    }

    #[test]
    fn lines_say_what_the_numbers_do() {
        let line = row_line(&seen(), 0).unwrap();
        assert!(line.contains("write “m”") && line.contains("0.700"), "{line}");
        assert!(line.contains("on “m”, character 3"), "{line}");
        assert!(row_line(&seen(), 1).unwrap().contains("on the end"));
        assert_eq!(row_line(&seen(), 2), None);
        assert_eq!(found_line(Task::Reversal, &seen()), None);
        let n = 14 * 11;
        let date = Seen {
            input: "27 march 2014".to_owned(),
            output: "2014-03-27".to_owned(),
            alignment: vec![1.0 / 14.0; n],
            ..Seen::default()
        };
        let line = found_line(Task::Dates, &date).unwrap();
        assert!(line.contains("the year 0.286, the month 0.357, the day 0.143"), "{line}");
    }

    #[test]
    fn charts_and_means_of_lengths() {
        let one = |n_letters, right| ByLength { n_letters, right, whole: 0.0 };
        let fixed = vec![one(2, 1.0), one(4, 0.6), one(6, 0.4), one(8, 0.2)];
        assert_eq!(first_below_half(&fixed), Some(6));
        assert_eq!(first_below_half(&fixed[..2]), None);
        let [within, beyond] = means(&fixed, 6);
        assert!((within.unwrap() - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(beyond, Some(0.2));
        assert_eq!(means(&fixed, 8)[1], None);
        let chart = length_chart(&[Vec::new(), fixed], 6).unwrap();
        assert_eq!(chart.lines[1].points[2], (6.0, 0.4));
        assert_eq!(chart.marker, Some(6.0));
        assert_eq!(length_chart(&[Vec::new(), Vec::new()], 6), None);
        assert_eq!(loss_chart(&[vec![1.0], Vec::new()], None), None);
        let chart = loss_chart(&[vec![3.0, 2.0], Vec::new()], Some(1)).unwrap();
        assert_eq!((chart.lines[0].points[1], chart.marker), ((2.0, 2.0), Some(1.0)));
        assert_eq!(percent(0.941), "94.1 %");
    }

    #[test]
    fn errors_are_told_apart() {
        let errors = Errors { rows: 1.0, softmax: None, contexts: 3.0, states: 4.0 };
        assert_eq!(
            [0, 1, 2, 3].map(|which| error(errors, which)),
            [Some(1.0), None, Some(3.0), Some(4.0)]
        );
    }
}
