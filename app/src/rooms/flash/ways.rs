//! Other ways to attend on the same rows: the map of the chosen one, and all of them side by side.

use std::sync::Arc;

use vitrine_models::claims::flash::timing::Time;
use vitrine_models::claims::flash::zoo::{Seen, Way};

use super::machine::{Machine, Source};
use crate::format;
use crate::lens::rooms::flash::{percent, took, way_map, way_name};
use crate::parts::dom::{El, View, effect, el, part};
use crate::protocol::room::{FlashAsk, FlashPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Phase};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Var, derive};
use crate::state::room::{self, Heard};

/// The knob's words.
pub const WAYS: &[(&str, &str)] = &[
    ("full", "all pairs"),
    ("window", "sliding window"),
    ("dilated", "dilated window"),
    ("global", "window and global tokens"),
    ("blocks", "blocks"),
    ("random", "random keys"),
    ("lsh", "hashed (LSH)"),
    ("low", "low rank"),
    ("linear", "linear"),
];

/// Rows on which ways are timed.
const N_TIMED: u32 = 1024;

/// The way of a word, of a size that suits a short text.
fn way(word: &str) -> Way {
    match word {
        "window" => Way::Window(4),
        "dilated" => Way::Dilated(4, 2),
        "global" => Way::Global(3, 2),
        "blocks" => Way::Blocks(4, 1),
        "random" => Way::Random(4),
        "lsh" => Way::Lsh(8, 1),
        "low" => Way::LowRank(4),
        "linear" => Way::Linear,
        _ => Way::Full,
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    source: Source,
    way: Way,
    causal: bool,
    seen: Seen,
}

/// One way as it was measured.
type Measured = (Way, f64, [u64; 2], Option<Time>);

/// What was seen in this visit.
#[derive(Clone, Copy)]
pub struct Ways {
    visit: Visit,
    machine: Machine,
    shown: Var<Option<Arc<Shown>>>,
    fault: Var<Option<String>>,
    of_all: Measurement,
    all: Var<Vec<Measured>>,
}

impl Ways {
    /// Sees the chosen way whenever knobs or tokens change.
    pub fn new(visit: Visit, machine: Machine) -> Self {
        let ways = Self {
            visit,
            machine,
            shown: Var::default(),
            fault: Var::default(),
            of_all: Measurement::new("ways"),
            all: Var::default(),
        };
        let wanted = derive(move || {
            visit
                .is_here()
                .then(|| (machine.source.get(), way(&visit.get("way")), ways.is_causal()))
        });
        effect(move || {
            if let Some((Some(source), way, causal)) = wanted.get() {
                ways.see(source, way, causal);
            }
        });
        ways
    }

    fn is_causal(self) -> bool {
        self.visit.get("mask") == "causal"
    }

    fn see(self, source: Source, way: Way, causal: bool) {
        if causal && !way.can_be_causal() {
            room::cancel("way");
            return self.shown.set(None);
        }
        let ask = FlashAsk::See { qkv: source.qkv.clone(), way, causal };
        room::ask("way", RoomAsk::Flash(ask), move |heard| match heard {
            Heard::Part(RoomPart::Flash(FlashPart::Seen(seen))) => {
                let shown = Shown { source: source.clone(), way, causal, seen: *seen };
                self.shown.set(Some(Arc::new(shown)));
                self.fault.set(None);
            }
            Heard::Fault(what, advice) => self.fault.set(Some(format!("{what}. {advice}"))),
            Heard::Part(_) | Heard::Done => {}
        });
    }

    /// The map, what it costs, and the table of all.
    pub fn view(self) -> El {
        let view = derive(move || {
            let shown = self.shown.get()?;
            way_map(&shown.seen, shown.causal, &shown.source.names)
        });
        let title = derive(move || format!("{}: what a row takes", self.name()));
        let map =
            Plate { symbol: "way", title, view, testid: "flash-way", max_cell: 18.0, cursor: None };
        el!(div class="fast-machine")
            .child(el!(div class="fast-row fast-maps").child(plate(map)))
            .child(el!(p class="hint" data-testid="flash-way-cost").text(move || self.cost()))
            .child(self.all())
    }

    fn name(self) -> &'static str {
        way_name(way(&self.visit.get("way")))
    }

    fn cost(self) -> Option<String> {
        if let Some(fault) = self.fault.get() {
            return Some(fault);
        }
        if self.is_causal() && !way(&self.visit.get("way")).can_be_causal() {
            let why = "Each of its keys is a mean over neighbours, later ones among them: set the mask to none.";
            return Some(why.to_owned());
        }
        let shown = self.shown.get()?;
        let [own, all] = shown.seen.n_products;
        let theirs = match shown.way {
            Way::Lsh(..) => "that of all pairs of queries that are keys too",
            _ => "theirs",
        };
        Some(format!(
            "It needs {} of the products of all pairs. Its output is {} away from {theirs}, as a share of its size.",
            percent(own, all),
            format::three(shown.seen.error as f32)
        ))
    }

    /// All of them, on request.
    fn all(self) -> El {
        let press = move || match self.of_all.phase.get_untracked() {
            Phase::Running => self.of_all.stop(),
            _ => self.measure(),
        };
        let button = el!(button type="button" class="act" data-testid="measure-ways")
            .when("click", press)
            .text(move || match self.of_all.phase.get() {
                Phase::Idle | Phase::Failed(..) => "Measure all ways here",
                Phase::Running => "Stop",
                Phase::Done => "Measure again",
            });
        let state = move || match self.of_all.phase.get() {
            Phase::Failed(what, advice) => Some(format!("{what}. {advice}")),
            Phase::Running => Some("Measuring on this engine.".to_owned()),
            Phase::Idle => Some("Not measured in this visit yet.".to_owned()),
            Phase::Done => None,
        };
        let cell = |name: &str| -> View { el!(th scope="col").child(name).into() };
        let head = el!(tr).child(vec![
            cell("way"),
            cell("•\u{a0}products"),
            cell("•\u{a0}error"),
            cell("•\u{a0}time, N\u{a0}=\u{a0}1024"),
        ]);
        let rows = part(move || match self.all.read().as_slice() {
            [] => WAYS.iter().map(|(_, title)| not_yet(title)).collect(),
            all => all.iter().map(row).collect(),
        });
        el!(div class="claim")
            .child(
                el!(p class="claim-tools").child(button).child(el!(span class="hint").text(state)),
            )
            .child(
                el!(table class="data claim-table" data-testid="table-ways")
                    .child(el!(thead).child(head))
                    .child(el!(tbody).child(rows)),
            )
    }

    fn measure(self) {
        let Some(source) = self.machine.source.get_untracked() else { return };
        self.all.set(Vec::new());
        let ask = FlashAsk::Ways {
            qkv: source.qkv,
            ways: WAYS.iter().map(|(word, _)| way(word)).collect(),
            n_rows: N_TIMED,
            causal: self.visit.get_untracked("mask") == "causal",
        };
        self.of_all.start(RoomAsk::Flash(ask), move |part| {
            if let RoomPart::Flash(FlashPart::Way { way, error, n_products, time }) = part {
                self.all.update(|all| all.push((way, error, n_products, time)));
            }
        });
    }
}

/// The row of a way that was not measured.
fn not_yet(title: &'static str) -> View {
    let cells = [(); 3].map(|()| -> View { el!(td).child("not yet").into() });
    el!(tr).child(el!(th scope="row").child(title)).child(cells.to_vec()).into()
}

fn row((way, error, [own, all], time): &Measured) -> View {
    let time = time.map_or_else(|| "no kernel skips these".to_owned(), took);
    el!(tr)
        .child(el!(th scope="row").child(way_name(*way)))
        .child(el!(td).child(percent(*own, *all)))
        .child(el!(td).child(format::three(*error as f32)))
        .child(el!(td).child(time))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_way_of_that_name() {
        for (word, title) in WAYS {
            assert_eq!(way_name(way(word)), *title);
        }
        assert_eq!(WAYS.len(), Way::ALL.len());
    }
}
