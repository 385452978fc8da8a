//! Room 03: where LayerNorm sits (Xiong et al. 2020; ResiDual, 2023). What it computes is in
//! `models/src/claims/norms`.
//!
//! Tests find things by `data-testid`: `norms-{size,gradient,cosine}`, `norms-layer`, `measure-SLOT`, `claim-SLOT`,
//! `chart-SLOT`, `table-SLOT` (`layers`, `depth`, `race`), `room-norms`, `room-residual` (panels of the Explorer),
//! `change-norm`, `changed-norm`, `next-norm`.

mod claims;
mod machine;

use crate::explorer::norms::norms;
use crate::explorer::residual::residual;
use crate::protocol::ChangeOf;
use crate::rooms::changed::changed;
use crate::rooms::knob::{Kind, Knob};
use crate::rooms::typing::typing;
use crate::rooms::{Mount, Open, Visit};
use crate::state::cell::{Derived, derive};
use crate::state::url::Tab;

/// The room.
pub static ROOM: Open =
    Open { number: 3, knobs: KNOBS, panels: &[Tab::Norms, Tab::Residual], enter, ..Open::PLAIN };

const RATES: &[(&str, &str)] =
    &[("0.001", "0.001"), ("0.003", "0.003"), ("0.005", "0.005"), ("0.01", "0.01")];

const KNOBS: &[Knob] = &[
    Knob {
        name: "layers",
        title: "Layers",
        help: "How many layers each of the three models has. They are made anew, with the same seed.",
        kind: Kind::Words(&[("2", "2"), ("4", "4"), ("8", "8"), ("12", "12"), ("16", "16")]),
        plain: "8",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "seed",
        title: "Seed",
        help: "Where the random first weights begin. The same seed gives all three models the same weights.",
        kind: Kind::Number(0.0, 99.0, 1.0),
        plain: "1",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "rate",
        title: "Rate",
        help: "How far the weights move in a step of training, once the rate has risen.",
        kind: Kind::Words(RATES),
        plain: "0.005",
        apart: true,
        is_used: |_| true,
    },
];

fn enter(visit: Visit) -> Mount {
    let machine = machine::Machine::new(visit);
    let claims = claims::Claims::new(visit);
    Box::new(move |name| match name {
        "machine" => Some(machine.view().into()),
        "text" => Some(typing(visit, "norms-text").into()),
        "microscope" => Some(norms("room-norms")),
        "stream" => Some(residual("room-residual")),
        "swap" => {
            let names = ["Swap the norms", "changed-norm"];
            Some(changed(visit, "norm", names, swap(visit)).into())
        }
        "invariants" => Some(machine.invariants().into()),
        "layers" => Some(claims.layers().into()),
        "depth" => Some(claims.depth().into()),
        "race" => Some(claims.race().into()),
        "question" => Some(claims.question().into()),
        _ => None,
    })
}

/// The other norm, where the loaded model has one and predicts the next token.
fn swap(visit: Visit) -> Derived<Option<ChangeOf>> {
    derive(move || {
        let card = visit.store.model.get()?;
        let can = card.causal && card.encoder.is_none() && !card.is_recorded();
        (can && visit.store.report.read().is_some()).then_some(ChangeOf::OtherNorm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::visit::check_settings;

    const WORDS: &str = include_str!("../../../../assets/rooms/03.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 2);
    }
}
