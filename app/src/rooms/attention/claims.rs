//! What the paper claims, measured on this engine when the visitor asks.

use vitrine_models::claims::attention::scale::{Products, Scale};
use vitrine_models::claims::attention::timing::Timed;

use crate::format;
use crate::lens::rooms::attention::{
    Taken, WIDTHS, entropy_chart, fitted, spread_chart, std_chart, std_exponent, time_chart,
    timed_name, took_at,
};
use crate::parts::chart::chart;
use crate::parts::dom::{El, el};
use crate::parts::plot::ChartSpec;
use crate::protocol::room::{AttentionAsk, AttentionPart, RoomAsk, RoomPart};
use crate::rooms::claim::{Measurement, Phase, Row, claim};
use crate::rooms::question::{Question, question};
use crate::state::cell::{Derived, Var, derive};

/// Queries, and keys, of the random products.
const N_TOKENS: u32 = 128;
/// Of the random numbers.
const SEED: u64 = 1;
/// The d_k that the table names, and the question.
const HEAD: u32 = 64;
const ASKED: u32 = 256;
/// Rows that are timed at d = 64.
const COUNTS: [u32; 5] = [64, 128, 256, 512, 1024];
/// Columns that are timed at n = 256.
const COLUMNS: [u32; 5] = [32, 64, 128, 256, 512];
/// What is fixed while the other changes: d, n.
const FIXED: [u32; 2] = [64, 256];

/// What was measured in this visit.
#[derive(Clone, Copy)]
pub struct Claims {
    of_scale: Measurement,
    products: Var<Vec<Products>>,
    of_cost: Measurement,
    times: Var<Vec<Taken>>,
    of_question: Measurement,
    answer: Var<Option<f32>>,
}

impl Claims {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            of_scale: Measurement::new("scale"),
            products: Var::default(),
            of_cost: Measurement::new("cost"),
            times: Var::default(),
            of_question: Measurement::new("question"),
            answer: Var::default(),
        }
    }

    /// Why √d_k.
    pub fn scale(self) -> El {
        let products = self.products;
        let spec = derive(move || std_chart(&products.read()));
        let spread = derive(move || spread_chart(&products.read()));
        let entropy = derive(move || entropy_chart(&products.read(), N_TOKENS));
        let rows = derive(move || scale_rows(&products.read()));
        let start = move || {
            products.set(Vec::new());
            let ask = RoomAsk::Attention(AttentionAsk::Scale(scale(&WIDTHS)));
            self.of_scale.start(ask, move |part| {
                if let RoomPart::Attention(AttentionPart::Products(found)) = part {
                    products.update(|all| all.push(found));
                }
            });
        };
        let columns = ["of random q and k", "Vaswani et al., section 3.2.1"];
        el!(div class="attention-claim")
            .child(claim(self.of_scale, start, spec, columns, rows))
            .child(more(spread, "chart-spread"))
            .child(more(entropy, "chart-entropy"))
    }

    /// What a layer of each kind costs.
    pub fn cost(self) -> El {
        let times = self.times;
        let spec = derive(move || time_chart(&times.read(), 0, FIXED[0]));
        let by_width = derive(move || time_chart(&times.read(), 1, FIXED[1]));
        let rows = derive(move || cost_rows(&times.read()));
        let start = move || {
            times.set(Vec::new());
            let mut asks = Vec::new();
            for timed in Timed::ALL {
                asks.extend(COUNTS.map(|n| (timed, [n, FIXED[0]])));
                let new = COLUMNS.into_iter().filter(|&d| d != FIXED[0]);
                asks.extend(new.map(|d| (timed, [FIXED[1], d])));
            }
            let ask = RoomAsk::Attention(AttentionAsk::Times(asks));
            self.of_cost.start(ask, move |part| {
                if let RoomPart::Attention(AttentionPart::Time { timed, shape, time }) = part {
                    times.update(|times| times.push((timed, shape, time)));
                }
            });
        };
        let columns = ["time", "Vaswani et al., Table 1"];
        el!(div class="attention-claim")
            .child(claim(self.of_cost, start, spec, columns, rows))
            .child(more(by_width, "chart-width"))
    }

    /// How far products spread at another d_k.
    pub fn question(self) -> El {
        let measured = derive(move || {
            let products = self.products.read();
            let known = products.iter().find(|one| one.d_k == ASKED).map(|one| one.std as f32);
            self.answer.get().or(known)
        });
        let spec = Question {
            label: "Standard deviation",
            unit: "at d_k = 256",
            of: self.of_question,
            measured,
            tolerance: 0.05,
        };
        question(spec, move || {
            if self.of_question.phase.get_untracked() == Phase::Running {
                return;
            }
            let ask = RoomAsk::Attention(AttentionAsk::Scale(scale(&[ASKED])));
            self.of_question.start(ask, move |part| {
                if let RoomPart::Attention(AttentionPart::Products(found)) = part {
                    self.answer.set(Some(found.std as f32));
                }
            });
        })
    }
}

fn scale(widths: &[u32]) -> Scale {
    Scale { widths: widths.to_vec(), n_rows: N_TOKENS, n_keys: N_TOKENS, seed: SEED }
}

/// One more chart of a claim, with its title.
fn more(spec: Derived<Option<ChartSpec>>, testid: &str) -> El {
    let title = move || (*spec.read()).as_ref().map(|spec| spec.title.clone());
    el!(div class="claim").child(el!(p class="hint").text(title)).child(chart(spec, testid))
}

fn scale_rows(found: &[Products]) -> Vec<Row> {
    let at = |d_k: u32| found.iter().find(|one| one.d_k == d_k);
    let ends = at(WIDTHS[0]).zip(at(WIDTHS[WIDTHS.len() - 1]));
    let between = |of: fn(&Products) -> f64, unit: &str| {
        ends.map(|(first, last)| {
            let [first, last] = [first, last].map(|one| format::three(of(one) as f32));
            format!("{first} → {last}{unit}")
        })
    };
    let row = |name: &str, published: &str, here| (name.to_owned(), published.to_owned(), here);
    vec![
        row(
            "exponent of d_k in the standard deviation of q·k",
            "0.5: the variance is d_k",
            std_exponent(found).map(format::three),
        ),
        row(
            "standard deviation at d_k = 64",
            "8",
            at(HEAD).map(|one| format::three(one.std as f32)),
        ),
        row(
            "entropy from d_k = 4 to 1024, without √d_k",
            "none stated",
            between(|one| one.entropy[0], " nats"),
        ),
        row("entropy with √d_k", "none stated", between(|one| one.entropy[1], " nats")),
        row(
            "Σ p(1 − p), what softmax lets back, without √d_k",
            "“extremely small gradients”",
            between(|one| one.slope[0], ""),
        ),
        row("the same with √d_k", "none stated", between(|one| one.slope[1], "")),
    ]
}

fn cost_rows(times: &[Taken]) -> Vec<Row> {
    let mut rows = Vec::new();
    for timed in Timed::ALL {
        for (axis, name) in [(0, "n"), (1, "d")] {
            rows.push((
                format!("{}, exponent of {name}", timed_name(timed)),
                timed.published()[axis].to_string(),
                fitted(times, timed, axis, FIXED[axis]).map(format::three),
            ));
        }
    }
    let [few, many] = [[FIXED[1], COLUMNS[4]], [COUNTS[4], FIXED[0]]].map(|shape| {
        let [attention, recurrent] =
            [Timed::Attention, Timed::Recurrent].map(|timed| took_at(times, timed, shape));
        let ratio = recurrent? / attention?;
        Some(format!("{} times as long", format::three(ratio as f32)))
    });
    rows.push((
        "recurrent against self-attention, n = 256, d = 512".to_owned(),
        "longer: n < d".to_owned(),
        few,
    ));
    rows.push((
        "the same, n = 1024, d = 64".to_owned(),
        "shorter by this count: n > d".to_owned(),
        many,
    ));
    rows
}
