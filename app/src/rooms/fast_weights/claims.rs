//! What the papers claim, measured on this engine when the visitor asks.

use vitrine_models::claims::fast_weights::Map;
use vitrine_models::claims::fast_weights::capacity::{Capacity, D_KEY, Update, counts};
use vitrine_models::claims::fast_weights::favor::{Favor, FavorError};
use vitrine_models::claims::fast_weights::timing::Timed;

use crate::lens::rooms::fast_weights::{
    Stored, Taken, capacity_chart, favor_chart, favor_slopes, fitted, form, name, number,
    published, time_chart, update_chart,
};
use crate::parts::dom::El;
use crate::protocol::room::{FastAsk, FastPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Row, claim};
use crate::rooms::question::{Question, question};
use crate::state::cell::{Var, derive};

/// Maps whose capacity is measured, in the order of the chart's colours.
const STORED: [Map; 4] = [Map::Elu, Map::Dpfp(1), Map::Dpfp(2), Map::Favor];
/// Directions of FAVOR+ there.
const N_DIRECTIONS: u32 = 128;
/// Most pairs that are stored.
const MOST_PAIRS: u32 = 300;
/// Numbers of writes to the keys.
const WRITES: [u32; 6] = [20, 40, 60, 80, 120, 160];
/// Numbers of random directions.
const DIRECTIONS: [u32; 6] = [8, 16, 32, 64, 128, 256];

/// What was measured in this visit.
#[derive(Clone, Copy)]
pub struct Claims {
    visit: Visit,
    of_capacity: Measurement,
    stored: Var<Vec<Stored>>,
    /// Whether those keys were placed.
    placed: Var<bool>,
    of_update: Measurement,
    updated: Var<Vec<[f32; 2]>>,
    of_favor: Measurement,
    favored: Var<Vec<FavorError>>,
    of_time: Measurement,
    times: Var<Vec<Taken>>,
    of_question: Measurement,
    /// Where DPFP-1 broke, for the question.
    broke: Var<Option<u32>>,
}

impl Claims {
    /// Nothing yet.
    pub fn new(visit: Visit) -> Self {
        Self {
            visit,
            of_capacity: Measurement::new("capacity"),
            stored: Var::default(),
            placed: Var::new(true),
            of_update: Measurement::new("update"),
            updated: Var::default(),
            of_favor: Measurement::new("favor"),
            favored: Var::default(),
            of_time: Measurement::new("time"),
            times: Var::default(),
            of_question: Measurement::new("question"),
            broke: Var::default(),
        }
    }

    /// How many pairs the weights hold.
    pub fn capacity(self) -> El {
        let spec = derive(move || capacity_chart(&self.stored.read(), self.placed.get()));
        let rows = derive(move || {
            let stored = self.stored.read();
            let row = |&map: &Map| -> Row {
                let of =
                    stored.iter().find(|stored| stored.map == map && !stored.errors.is_empty());
                let here = of.map(|of| match of.breaks() {
                    Some(at) if Some(at) == of.counts.first().copied() => {
                        "from the start".to_owned()
                    }
                    Some(at) => format!("breaks at {at}"),
                    None => format!("none lost up to {MOST_PAIRS}"),
                });
                let published = match published(map) {
                    Some(at) if !self.placed.get() => format!("trained keys: breaks at {at}"),
                    Some(at) => format!("breaks at {at}"),
                    None => "never reaches zero".to_owned(),
                };
                (name(map).to_owned(), published, here)
            };
            STORED.iter().map(row).collect()
        });
        let columns = ["features", "Schlag et al., Fig. 2, d = 64"];
        claim(self.of_capacity, move || self.measure_capacity(), spec, columns, rows)
    }

    fn measure_capacity(self) {
        let placed = self.visit.get_untracked("keys") == "placed";
        self.placed.set(placed);
        let asks: Vec<Capacity> = STORED.map(|map| ask(map, placed)).to_vec();
        let empty = |ask: &Capacity| Stored {
            map: ask.map,
            n_features: ask.map.width(D_KEY, N_DIRECTIONS as usize) as u32,
            counts: ask.counts.clone(),
            errors: Vec::new(),
        };
        self.stored.set(asks.iter().map(empty).collect());
        self.of_capacity.start(RoomAsk::FastWeights(FastAsk::Capacity(asks)), move |part| {
            let RoomPart::FastWeights(FastPart::Capacity { place, errors }) = part else { return };
            self.stored.update(|stored| {
                if let Some(of) = stored.get_mut(place as usize) {
                    of.errors = errors;
                }
            });
        });
    }

    /// Keys that come again.
    pub fn update(self) -> El {
        let spec = derive(move || update_chart(&WRITES, &self.updated.read()));
        let rows = derive(move || {
            let of = |rule: usize| self.updated.read().get(1).map(|errors| errors[rule]);
            vec![
                ("sum rule, 40 writes".to_owned(), "loses more".to_owned(), number(of(0))),
                ("delta rule, 40 writes".to_owned(), "loses less".to_owned(), number(of(1))),
            ]
        });
        let columns = ["share of a value lost", "Schlag et al., Fig. 3"];
        let start = move || {
            let placed = self.visit.get_untracked("keys") == "placed";
            let ask = Update {
                map: Map::Dpfp(1),
                n_keys: 20,
                writes: WRITES.to_vec(),
                n_draws: 20,
                placed,
                seed: 1,
            };
            self.of_update.start(RoomAsk::FastWeights(FastAsk::Update(ask)), move |part| {
                if let RoomPart::FastWeights(FastPart::Update(errors)) = part {
                    self.updated.set(errors);
                }
            });
        };
        claim(self.of_update, start, spec, columns, rows)
    }

    /// Random features come closer to softmax's kernel as 1/√m.
    pub fn favor(self) -> El {
        let spec = derive(move || favor_chart(&self.favored.read()));
        let rows = derive(move || {
            let [positive, trigonometric] = favor_slopes(&self.favored.read());
            vec![
                ("positive features".to_owned(), "−0.5".to_owned(), number(positive)),
                ("trigonometric features".to_owned(), "−0.5".to_owned(), number(trigonometric)),
            ]
        });
        let columns = ["slope of the error", "Choromanski et al., Lemma 2"];
        let start = move || {
            let ask = Favor { ms: DIRECTIONS.to_vec(), n_draws: 100, length: 0.8, seed: 1 };
            self.of_favor.start(RoomAsk::FastWeights(FastAsk::Favor(ask)), move |part| {
                if let RoomPart::FastWeights(FastPart::Favor(errors)) = part {
                    self.favored.set(errors);
                }
            });
        };
        claim(self.of_favor, start, spec, columns, rows)
    }

    /// Time by the number of tokens.
    pub fn time(self) -> El {
        let spec = derive(move || time_chart(&self.times.read()));
        let rows = derive(move || {
            let times = self.times.read();
            let row = |timed: &Timed| {
                let is_square = matches!(timed, Timed::Softmax | Timed::Pairs);
                let published = if is_square { "2" } else { "1" }.to_owned();
                (form(*timed).to_owned(), published, number(fitted(&times, *timed)))
            };
            Timed::ALL.iter().map(row).collect()
        });
        let columns = ["exponent of N", "Katharopoulos et al., section 3"];
        let start = move || {
            self.times.set(Vec::new());
            let ns = |timed| match timed {
                Timed::Softmax | Timed::Pairs => vec![256, 512, 1024, 2048, 4096],
                Timed::Recurrent | Timed::Chunks => vec![1024, 2048, 4096, 8192, 16384, 32768],
            };
            let asks = Timed::ALL.map(|timed| (timed, ns(timed))).to_vec();
            self.of_time.start(RoomAsk::FastWeights(FastAsk::Time(asks)), move |part| {
                if let RoomPart::FastWeights(FastPart::Time { timed, n_tokens, ms }) = part {
                    self.times.update(|times| times.push((timed, n_tokens, ms)));
                }
            });
        };
        claim(self.of_time, start, spec, columns, rows)
    }

    /// How many pairs fit into DPFP-1.
    pub fn question(self) -> El {
        let measured = derive(move || self.broke.get().map(|at| at as f32));
        let spec = Question {
            label: "Pairs",
            unit: "pairs",
            of: self.of_question,
            measured,
            tolerance: 0.1,
        };
        question(spec, move || {
            let asked = ask(Map::Dpfp(1), true);
            let counts = asked.counts.clone();
            let ask = RoomAsk::FastWeights(FastAsk::Capacity(vec![asked]));
            self.of_question.start(ask, move |part| {
                if let RoomPart::FastWeights(FastPart::Capacity { errors, .. }) = part {
                    let stored = Stored { counts: counts.clone(), errors, ..Stored::default() };
                    self.broke.set(stored.breaks());
                }
            });
        })
    }
}

/// Counts in steps of 20, as the paper has them, and fine ones where the features end.
fn ask(map: Map, placed: bool) -> Capacity {
    let n_features = map.width(D_KEY, N_DIRECTIONS as usize) as u32;
    let counts = counts(n_features, MOST_PAIRS);
    Capacity { map, n_directions: N_DIRECTIONS, placed, counts, seed: 1 }
}
