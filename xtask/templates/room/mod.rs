//! Room ROOM_NUMBER: so far one head of the loaded model, a step a token, the starting point that `new-room`
//! writes. Say here what the room shows, and of which paper.
//!
//! Tests find things by `data-testid`: `ROOM_WORD-text`, `ROOM_WORD-pattern`, `ROOM_WORD-line`.

use std::rc::Rc;

use crate::format;
use crate::lens::attention::{HeadsAsked, MatrixView, head_matrix, largest_of_row};
use crate::lens::tokens::labels;
use crate::parts::dom::{El, effect, el};
use crate::parts::matrix::{Acts, Cursor};
use crate::rooms::claim::Measurement;
use crate::rooms::invariant::{Invariant, invariants};
use crate::rooms::knob::{Kind, Knob};
use crate::rooms::plate::{Plate, plate};
use crate::rooms::question::{Question, question};
use crate::rooms::typing::typing;
use crate::rooms::{Mount, Open, Visit};
use crate::state::cell::{Derived, derive};
use crate::state::url::Stage;

/// The room.
pub static ROOM: Open = Open {
    number: ROOM_NUMBER,
    knobs: KNOBS,
    hooks: &["attn.hook_pattern", "attn.hook_attn_scores"],
    enter,
    ..Open::PLAIN
};

const KNOBS: &[Knob] = &[Knob {
    name: "shown",
    title: "Shown",
    help: "What a cell holds: the score of a query and a key, or its share after softmax.",
    kind: Kind::Words(&[("shares", "shares"), ("scores", "scores")]),
    plain: "shares",
    apart: false,
    is_used: |_| true,
}];

/// What the parts of the room share.
#[derive(Clone, Copy)]
struct Machine {
    visit: Visit,
    step: Derived<usize>,
    pattern: Derived<Option<MatrixView>>,
}

fn enter(visit: Visit) -> Mount {
    let machine = Machine::new(visit);
    Box::new(move |name| match name {
        "text" => Some(typing(visit, "ROOM_WORD-text").into()),
        "machine" => Some(machine.view().into()),
        "invariants" => Some(machine.invariants().into()),
        "question" => Some(machine.question().into()),
        _ => None,
    })
}

/// The chosen head of the last run; none before there is one.
fn stage(visit: Visit, stage: Stage) -> Option<MatrixView> {
    let store = visit.store;
    let (run, card) = (store.trace.read(), store.card.get()?);
    let focus = store.focus.get();
    let heads = vec![(focus.layer, focus.head)];
    let asked = HeadsAsked { heads, stage, hidden_keys: Vec::new(), sides: None };
    head_matrix(&run.trace, &card, &asked, &labels(&run.tokens, 12))
}

impl Machine {
    fn new(visit: Visit) -> Self {
        let pattern = derive(move || stage(visit, Stage::Pattern));
        effect(move || {
            let n_tokens = (*pattern.read()).as_ref().map_or(0, |view| view.n_rows);
            visit.n_steps.set(n_tokens);
        });
        Self { visit, step: visit.step(), pattern }
    }

    fn view(self) -> El {
        let view = derive(move || match self.visit.get("shown").as_str() {
            "scores" => stage(self.visit, Stage::Masked),
            _ => self.pattern.get(),
        });
        let title = derive(move || match self.visit.get("shown").as_str() {
            "scores" => "Q Kᵀ / √d_k: each query times each key".to_owned(),
            _ => "A: how the shares of each token are dealt out".to_owned(),
        });
        let cursor = derive(move || -> Cursor { (Some(self.step.get()), None) });
        let acts = Rc::new(Acts {
            hover: Box::new(|_| {}),
            pin: Box::new(move |(row, _)| self.visit.set_step(row)),
            move_to: Box::new(move |(row, _)| self.visit.set_step(row)),
        });
        let pattern = plate(Plate {
            symbol: "A",
            title,
            view,
            testid: "ROOM_WORD-pattern",
            max_cell: 36.0,
            cursor: Some((cursor, acts)),
        });
        el!(div class="fast-machine")
            .child(el!(div class="fast-row flash-tiles").child(pattern))
            .child(el!(p class="hint" data-testid="ROOM_WORD-line").text(move || self.line()))
    }

    /// Where the token of the step looks most: the number of the key, from 1, and its share.
    fn most(self) -> Option<(usize, f32)> {
        let pattern = self.pattern.read();
        let (key, share) =
            largest_of_row((*pattern).as_ref()?, self.step.get(), 1).first().copied()?;
        Some((key + 1, share))
    }

    fn line(self) -> Option<String> {
        let (key, share) = self.most()?;
        let share = format::three(100.0 * share);
        Some(format!("Token {} looks most at token {key}: {share} %.", self.step.get() + 1))
    }

    fn invariants(self) -> El {
        let error = derive(move || {
            let pattern = self.pattern.read();
            let view = (*pattern).as_ref()?;
            let sum = |row: usize| -> f32 {
                (0..view.n_cols).filter_map(|col| view.value(row, col)).sum()
            };
            Some((0..view.n_rows).map(|row| (sum(row) - 1.0).abs()).fold(0.0, f32::max))
        });
        invariants(vec![Invariant { name: "rows of A sum to 1", error, bound: 1e-5 }])
    }

    fn question(self) -> El {
        let measured = derive(move || Some(self.most()?.0 as f32));
        let asked = Question {
            label: "The token’s number",
            unit: "as the number of the token",
            of: Measurement::new("question"),
            measured,
            tolerance: 0.0,
        };
        // Nothing is to be measured: the run of the page has the answer.
        question(asked, || ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::visit::check_settings;

    const WORDS: &str = include_str!("../../../../assets/rooms/ROOM_FILE.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 2);
    }
}
