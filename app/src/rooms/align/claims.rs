//! What the paper claims, measured on this engine when the visitor asks.

use vitrine_models::claims::align::{ByLength, Lengths, Twin};

use crate::lens::rooms::align::{first_below_half, length_chart, loss_chart, means, name, percent};
use crate::parts::dom::{El, el};
use crate::protocol::room::{AlignAsk, AlignPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Phase, Row, claim};
use crate::rooms::question::{Question, question};
use crate::state::cell::{Var, derive};

/// What the paper's Table 1 says: the model, its BLEU on all sentences and on those without unknown words, and
/// which of the two models here is of its kind.
const TABLE: [(&str, &str, Option<Twin>); 6] = [
    ("RNNencdec-30", "13.93 / 24.19", None),
    ("RNNsearch-30", "21.50 / 31.44", None),
    ("RNNencdec-50: fixed vector", "17.82 / 26.71", Some(Twin::Fixed)),
    ("RNNsearch-50: attention", "26.75 / 34.16", Some(Twin::Attention)),
    ("RNNsearch-50*, trained longer", "28.45 / 36.15", None),
    ("Moses, phrase by phrase", "33.30 / 35.63", None),
];

/// Which is measured first: the question asks for it alone.
const ORDER: [Twin; 2] = [Twin::Fixed, Twin::Attention];

/// How the table says that a row has no run here.
const NO_RUN: &str = "no run here";
/// Steps whose losses are drawn at once.
const N_AT_ONCE: usize = 8;

/// What was measured in this visit.
#[derive(Clone, Copy)]
pub struct Claims {
    visit: Visit,
    of: Measurement,
    losses: Var<[Vec<f32>; 2]>,
    found: Var<[Vec<ByLength>; 2]>,
}

impl Claims {
    /// Nothing yet.
    pub fn new(visit: Visit) -> Self {
        Self {
            visit,
            of: Measurement::new("lengths"),
            losses: Var::default(),
            found: Var::default(),
        }
    }

    fn asked(self, twin: Twin) -> Lengths {
        let n_steps = self.visit.number("steps") as u32;
        Lengths { n_steps, ..Lengths::of(twin, self.visit.number("seed") as u32) }
    }

    fn longest(self) -> u32 {
        self.asked(Twin::Fixed).longest
    }

    fn start(self) {
        self.losses.set(Default::default());
        self.found.set(Default::default());
        let asks = ORDER.map(|twin| self.asked(twin)).to_vec();
        let waiting = std::cell::RefCell::new(Vec::new());
        self.of.start(RoomAsk::Align(AlignAsk::Lengths(asks)), move |part| match part {
            RoomPart::Align(AlignPart::Loss { twin, loss }) => {
                let mut waiting = waiting.borrow_mut();
                waiting.push(loss);
                if waiting.len() >= N_AT_ONCE {
                    let now = std::mem::take(&mut *waiting);
                    self.losses.update(|losses| losses[twin as usize].extend(now));
                }
            }
            RoomPart::Align(AlignPart::Length { twin, length }) => {
                self.found.update(|found| found[twin as usize].push(length));
            }
            _ => {}
        });
    }

    /// Letters that are right by the length of the input, for both; while they train, their losses.
    pub fn lengths(self) -> El {
        let spec = derive(move || {
            let found = length_chart(&self.found.read(), self.longest());
            found.or_else(|| loss_chart(&self.losses.read(), None))
        });
        let rows = derive(move || {
            let found = self.found.read();
            let row = |&(name, published, twin): &(&str, &str, Option<Twin>)| -> Row {
                let here = match twin {
                    None => Some(NO_RUN.to_owned()),
                    Some(twin) => said(&found[twin as usize], self.asked(twin)),
                };
                (name.to_owned(), published.to_owned(), here)
            };
            TABLE.iter().map(row).collect()
        });
        let columns = ["model", "BLEU, all / no unknown words: Table 1"];
        el!(div)
            .child(claim(self.of, move || self.start(), spec, columns, rows))
            .child(el!(p class="hint" data-testid="lengths-progress").text(move || self.progress()))
    }

    fn progress(self) -> Option<String> {
        let losses = self.losses.read();
        let n_done = |twin: Twin| losses[twin as usize].len();
        let twin = ORDER[usize::from(n_done(ORDER[1]) > 0)];
        let n_steps = self.asked(twin).n_steps;
        (self.of.phase.get() == Phase::Running)
            .then(|| format!("The one with {}: step {} of {n_steps}.", name(twin), n_done(twin)))
    }

    /// The length at which the fixed vector gives out.
    pub fn question(self) -> El {
        let measured = derive(move || {
            let found = self.found.read();
            let of_fixed = &found[Twin::Fixed as usize];
            let is_whole = of_fixed.len() == self.asked(Twin::Fixed).measured.len();
            match first_below_half(of_fixed) {
                Some(n_letters) => Some(n_letters as f32),
                // It never does.
                None => is_whole.then_some(f32::INFINITY),
            }
        });
        let spec =
            Question { label: "Letters", unit: "letters", of: self.of, measured, tolerance: 0.1 };
        question(spec, move || {
            if self.of.phase.get_untracked() != Phase::Running {
                self.start();
            }
        })
    }
}

/// Shares of letters in words, once all lengths are there.
fn said(found: &[ByLength], asked: Lengths) -> Option<String> {
    if found.len() < asked.measured.len() {
        return None;
    }
    let [within, beyond] = means(found, asked.longest).map(|mean| mean.map(percent));
    Some(format!("{} of letters; longer than in training {}", within?, beyond?))
}
