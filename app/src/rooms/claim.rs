//! A claim of a paper: measured here on request, on the same axes as what was published.

use crate::parts::chart::chart;
use crate::parts::dom::{El, View, el, part};
use crate::parts::plot::ChartSpec;
use crate::parts::symbol::with_indices;
use crate::protocol::room::{RoomAsk, RoomPart};
use crate::state::cell::{Derived, Var};
use crate::state::room::{self, Heard};

/// How far a measurement is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has asked.
    #[default]
    Idle,
    /// It is being computed.
    Running,
    /// It is there.
    Done,
    /// It failed: what, and what to do.
    Failed(String, String),
}

/// A measurement that a button starts.
#[derive(Clone, Copy)]
pub struct Measurement {
    /// The slot of the ask, and part of names for tests.
    pub slot: &'static str,
    /// How far it is.
    pub phase: Var<Phase>,
}

impl Measurement {
    /// One that nobody has asked for.
    pub fn new(slot: &'static str) -> Self {
        Self { slot, phase: Var::default() }
    }

    /// Asks. `part` hears each part.
    pub fn start(self, ask: RoomAsk, part: impl Fn(RoomPart) + 'static) {
        self.phase.set(Phase::Running);
        room::ask(self.slot, ask, move |heard| match heard {
            Heard::Part(heard) => part(heard),
            Heard::Done => self.phase.set(Phase::Done),
            Heard::Fault(what, advice) => self.phase.set(Phase::Failed(what, advice)),
        });
    }

    /// Gives up.
    pub fn stop(self) {
        room::cancel(self.slot);
        self.phase.set(Phase::Idle);
    }
}

/// A row of a claim's table: of what, published, measured here (nothing yet if none).
pub type Row = (String, String, Option<String>);

/// The block of a claim: a button, a chart, a table of published beside measured.
pub fn claim(
    of: Measurement,
    start: impl Fn() + 'static,
    spec: Derived<Option<ChartSpec>>,
    columns: [&'static str; 2],
    rows: Derived<Vec<Row>>,
) -> El {
    let slot = of.slot;
    let press = move || {
        if of.phase.get_untracked() == Phase::Running { of.stop() } else { start() }
    };
    let button = el!(button type="button" class="act")
        .set("data-testid", &format!("measure-{slot}"))
        .when("click", press)
        .text(move || match of.phase.get() {
            Phase::Idle | Phase::Failed(..) => "Measure here",
            Phase::Running => "Stop",
            Phase::Done => "Measure again",
        });
    let state = move || match of.phase.get() {
        Phase::Idle => Some("Not measured in this visit yet.".to_owned()),
        Phase::Running => Some("Measuring on this engine.".to_owned()),
        Phase::Done => None,
        Phase::Failed(what, advice) => Some(format!("{}. {advice}", what.trim_end_matches('.'))),
    };
    let chart_name = format!("chart-{slot}");
    el!(div class="claim")
        .set("data-testid", &format!("claim-{slot}"))
        .class("running", move || of.phase.get() == Phase::Running)
        .child(el!(p class="claim-tools").child(button).child(el!(span class="hint").text(state)))
        .child(chart(spec, &chart_name))
        .child(table(slot, columns, rows))
}

fn table(slot: &str, [what, published]: [&'static str; 2], rows: Derived<Vec<Row>>) -> El {
    let body = part(move || rows.read().iter().map(row).collect());
    let head = el!(tr)
        .child(el!(th scope="col").child(what))
        .child(el!(th scope="col").child(format!("†\u{a0}{published}")))
        .child(el!(th scope="col").child("•\u{a0}measured here"));
    el!(table class="data claim-table")
        .set("data-testid", &format!("table-{slot}"))
        .child(el!(thead).child(head))
        .child(el!(tbody).child(body))
}

fn row((what, published, here): &Row) -> View {
    let here = here.as_deref().unwrap_or("not yet");
    el!(tr)
        .child(el!(th scope="row").child(with_indices(what)))
        .child(el!(td).child(with_indices(published)))
        .child(el!(td).child(with_indices(here)))
        .into()
}
