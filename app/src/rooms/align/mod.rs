//! Room 01: align and translate (Bahdanau, Cho, Bengio 2014). What it computes is in
//! `models/src/claims/align`.
//!
//! Tests find things by `data-testid`: `align-{train,status,own,line,found,row}`, `align-row-N`,
//! `align-{alignment,scores,weights,annotations,context,before,reset,update,candidate,after}` (matrices),
//! `align-loss` (chart), `align-text`, `align-trained`, `live` (panel), `load-bergamot-en-pt`,
//! `measure-lengths`, `claim-lengths`, `chart-lengths`, `table-lengths`.

mod claims;
mod live;
mod machine;
mod own;
mod unrolled;

use vitrine_models::claims::align::LONGEST;

use crate::rooms::knob::{Kind, Knob};
use crate::rooms::{Mount, Open, Visit};

/// The room.
pub static ROOM: Open = Open { number: 1, knobs: KNOBS, enter, ..Open::PLAIN };

/// Rows of the longest output and its end: letters as many as can be typed, backwards, and those too many.
const MOST_ROWS: f32 = (LONGEST + 4) as f32;

const KNOBS: &[Knob] = &[
    Knob {
        name: "task",
        title: "To learn",
        help: "What both models learn to write. Another choice begins anew, with random weights.",
        kind: Kind::Words(&[
            ("dates", "dates"),
            ("numbers", "numbers in words"),
            ("reversal", "letters backwards"),
        ]),
        plain: "dates",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "twin",
        title: "Shown",
        help: "Which of the two models is shown. With a fixed vector the decoder gets the mean of all annotations, always the same.",
        kind: Kind::Words(&[("attention", "attention"), ("fixed", "fixed vector")]),
        plain: "attention",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "example",
        title: "Example",
        help: "Which input is looked at. No step trains on any of the four.",
        kind: Kind::Words(&[("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")]),
        plain: "1",
        apart: false,
        is_used: |values| values("own").is_empty(),
    },
    Knob {
        name: "own",
        title: "Your own",
        help: "An input that you type. It takes the place of the example until the field is empty again.",
        kind: Kind::Text("an input of your own"),
        plain: "",
        apart: true,
        is_used: |_| true,
    },
    Knob {
        name: "seed",
        title: "Seed",
        help: "Where the random first weights begin, and which examples come. Another one begins anew.",
        kind: Kind::Number(0.0, 99.0, 1.0),
        plain: "1",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "row",
        title: "Row",
        help: "Which character of the output is taken apart, from 1. A click on the alignment sets it too.",
        kind: Kind::Number(1.0, MOST_ROWS, 1.0),
        plain: "1",
        apart: true,
        is_used: |_| true,
    },
    Knob {
        name: "steps",
        title: "Steps",
        help: "How long both models train before they are measured. Fewer steps take less time, and the one with attention has not learned to look yet.",
        kind: Kind::Words(&[("200", "200"), ("400", "400"), ("800", "800")]),
        plain: "400",
        apart: true,
        is_used: |_| true,
    },
];

fn enter(visit: Visit) -> Mount {
    let machine = machine::Machine::new(visit);
    let claims = claims::Claims::new(visit);
    Box::new(move |name| match name {
        "own" => Some(machine.own_line().into()),
        "train" => Some(machine.train().into()),
        "machine" => Some(machine.view().into()),
        "unrolled" => Some(unrolled::unrolled(machine).into()),
        "invariants" => Some(machine.invariants().into()),
        "lengths" => Some(claims.lengths().into()),
        "live" => Some(live::live(visit).into()),
        "question" => Some(claims.question().into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use vitrine_models::claims::align::{Task, examples};

    use super::*;
    use crate::rooms::visit::check_settings;

    const WORDS: &str = include_str!("../../../../assets/rooms/01.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 3);
    }

    #[test]
    fn every_row_of_every_example_can_be_chosen() {
        let rows = Task::ALL.into_iter().flat_map(examples).map(|one| one.output.len() + 1);
        assert!(rows.max() <= Some(MOST_ROWS as usize));
    }
}
