//! One character of the output taken apart: what the decoder asks, what it gets, and how its state changes.

use vitrine_models::claims::align::Twin;

use super::machine::{Machine, twin};
use crate::lens::rooms::align::{Shown, labels, of_row, row_line};
use crate::parts::dom::{El, View, el, list, show};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::derive;

/// The chosen row, all that goes into it and all that comes of it.
pub fn unrolled(machine: Machine) -> El {
    let one = move |shown, [symbol, testid]: [&'static str; 2], title: &'static str| {
        let view = derive(move || of_row((*machine.seen.read()).as_ref()?, machine.row(), shown));
        let title = derive(move || title.to_owned());
        plate(Plate { symbol, title, view, testid, max_cell: 40.0, cursor: None })
    };
    let asks = move || twin(machine.visit) == Twin::Attention;
    let scores = move || one(Shown::Scores, ["e", "align-scores"], "e: scores").into();
    let asked = el!(div class="align-asked")
        .class("fixed", move || !asks())
        .child(show(asks, scores))
        .child(one(Shown::Weights, ["alpha", "align-weights"], "α: weights"))
        .child(one(
            Shown::Annotations,
            ["h", "align-annotations"],
            "h: annotations, a row for each character that was read",
        ));
    let found = el!(div class="fast-row fast-vectors").child(one(
        Shown::Context,
        ["c", "align-context"],
        "c: the context, those rows weighted by α and added",
    ));
    let row = |left: El, right: El| el!(div class="fast-row fast-vectors").child(left).child(right);
    let gates = row(
        one(Shown::Reset, ["r", "align-reset"], "r: how much of the old state s̃ sees"),
        one(Shown::Update, ["z", "align-update"], "z: how much of the old state is kept"),
    );
    let states = row(
        one(Shown::Before, ["sbefore", "align-before"], "s before"),
        one(Shown::Candidate, ["candidate", "align-candidate"], "s̃: the candidate"),
    );
    let after = el!(div class="fast-row fast-vectors").child(one(
        Shown::After,
        ["s", "align-after"],
        "s after: (1 − z) s̃ + z s before",
    ));
    el!(div class="fast-machine")
        .child(characters(machine))
        .child(
            el!(p class="hint" data-testid="align-row")
                .text(move || row_line((*machine.seen.read()).as_ref()?, machine.row())),
        )
        .child(asked)
        .child(found)
        .child(gates)
        .child(states)
        .child(after)
}

/// The characters of the output, a button each.
fn characters(machine: Machine) -> El {
    let all = derive(move || {
        (*machine.seen.read()).as_ref().map_or_else(Vec::new, |seen| labels(&seen.output))
    });
    let strip = list(
        move || all.read().len(),
        move |at| -> View {
            let button = el!(button type="button" class="fast-token token-text")
                .set("data-testid", &format!("align-row-{at}"))
                .class("here", move || machine.row() == at)
                .class("past", move || machine.row() > at)
                .attr("aria-current", move || (machine.row() == at).then_some("step"))
                .when("click", move || {
                    machine.visit.turn("row", &(at + 1).to_string());
                })
                .child(el!(bdi).text(move || all.read().get(at).cloned()));
            el!(li).child(button).into()
        },
    );
    el!(ol class="fast-tokens" aria-label="Characters of the output, a row each").child(strip)
}
