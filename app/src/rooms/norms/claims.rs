//! What the papers claim, measured on this engine when the visitor asks.

use vitrine_models::claims::norms::{Place, Race, Setting, Stride};

use crate::lens::rooms::fast_weights::number;
use crate::lens::rooms::norms::{
    depth_chart, depth_exponent, growth, last_loss, layer_chart, name, race_chart, race_map,
};
use crate::parts::dom::{El, View, el};
use crate::protocol::room::{NormsAsk, NormsPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Row, claim};
use crate::rooms::plate::{Plate, plate};
use crate::rooms::question::{Question, question};
use crate::state::cell::{Var, derive};

/// Layers of each stack, as in the paper's Fig. 3.
const N_LAYERS: u32 = 6;
/// Numbers of layers.
const DEPTHS: [u32; 4] = [2, 4, 8, 16];
/// Seeds that a gradient is the mean of.
const N_SEEDS: u32 = 4;
/// Who runs: the place, and whether the rate rises slowly.
const RUNNERS: [(Place, bool); 4] =
    [(Place::Post, false), (Place::Post, true), (Place::Pre, false), (Place::Dual, false)];
const NAMES: [&str; 4] = [
    "Post-LN without warm-up",
    "Post-LN with warm-up",
    "Pre-LN without warm-up",
    "ResiDual without warm-up",
];

/// For tests.
const MAPS: [&str; 4] = ["race-map-0", "race-map-1", "race-map-2", "race-map-3"];

type Found = Vec<(Place, Vec<f64>)>;

/// What was measured in this visit.
#[derive(Clone, Copy)]
pub struct Claims {
    visit: Visit,
    of_layers: Measurement,
    layers: Var<Found>,
    of_depth: Measurement,
    depth: Var<Found>,
    of_race: Measurement,
    strides: Var<Vec<Vec<Stride>>>,
    of_question: Measurement,
    /// The exponent that the question asks for.
    exponent: Var<Option<f32>>,
}

impl Claims {
    /// Nothing yet.
    pub fn new(visit: Visit) -> Self {
        Self {
            visit,
            of_layers: Measurement::new("layers"),
            layers: Var::default(),
            of_depth: Measurement::new("depth"),
            depth: Var::default(),
            of_race: Measurement::new("race"),
            strides: Var::default(),
            of_question: Measurement::new("question"),
            exponent: Var::default(),
        }
    }

    /// From layer to layer.
    pub fn layers(self) -> El {
        let spec = derive(move || layer_chart(&self.layers.read()));
        let rows = derive(move || {
            let found = self.layers.read();
            let row = |place: Place, published: &str| -> Row {
                let own = found.iter().find(|(known, _)| *known == place);
                let here = own.and_then(|(_, gradients)| number(growth(gradients)));
                let here = here.map(|factor| format!("times {factor} a layer"));
                (name(place).to_owned(), published.to_owned(), here)
            };
            vec![row(Place::Post, "grows"), row(Place::Pre, "flat")]
        });
        let start = move || {
            let ask = NormsAsk::Gradients {
                setting: Setting::Pair,
                places: vec![Place::Post, Place::Pre],
                depths: vec![N_LAYERS],
                n_seeds: N_SEEDS,
            };
            gather(self.of_layers, self.layers, ask);
        };
        let columns = ["gradient", "Xiong et al., Fig. 3"];
        claim(self.of_layers, start, spec, columns, rows)
    }

    /// The last layer, over the depth.
    pub fn depth(self) -> El {
        let spec = derive(move || depth_chart(&self.depth.read()));
        let rows = derive(move || {
            let found = self.depth.read();
            let row = |&place: &Place| -> Row {
                let published = match place {
                    Place::Post => "0: O(d √ln d)",
                    Place::Pre => "−0.5: O(d √(ln d / L))",
                    Place::Dual => "none stated",
                };
                let here = number(depth_exponent(&found, place));
                (name(place).to_owned(), published.to_owned(), here)
            };
            Place::ALL.iter().map(row).collect()
        });
        let columns = ["exponent of L", "Xiong et al., Theorem 1"];
        claim(
            self.of_depth,
            move || gather(self.of_depth, self.depth, depth_ask(&Place::ALL)),
            spec,
            columns,
            rows,
        )
    }

    /// With and without warm-up.
    pub fn race(self) -> El {
        let n_steps = Race::default().n_steps as usize;
        let spec = derive(move || race_chart(&NAMES, &self.strides.read()));
        let rows = derive(move || {
            let strides = self.strides.read();
            let row = |(at, name): (usize, &&str)| -> Row {
                let published = match at {
                    0 => "does not learn",
                    1 => "learns",
                    2 => "learns, no warm-up needed",
                    _ => "learns, no warm-up needed (ResiDual)",
                };
                let here = strides.get(at).and_then(|one| last_loss(one, n_steps));
                ((*name).to_owned(), published.to_owned(), number(here))
            };
            NAMES.iter().enumerate().map(row).collect()
        });
        let start = move || {
            self.strides.set(vec![Vec::new(); RUNNERS.len()]);
            let rate = self.visit.number("rate");
            let runners = RUNNERS.map(|(place, is_warm)| Race {
                place,
                rate,
                warmup: if is_warm { Race::WARMUP } else { 0 },
                ..Race::default()
            });
            let ask = RoomAsk::Norms(NormsAsk::Race(runners.to_vec()));
            self.of_race.start(ask, move |part| {
                let RoomPart::Norms(NormsPart::Step { runner, stride }) = part else { return };
                self.strides.update(|strides| {
                    if let Some(own) = strides.get_mut(runner as usize) {
                        own.push(stride);
                    }
                });
            });
        };
        let columns = ["loss at the end", "Xiong et al., section 4"];
        let maps = (0..RUNNERS.len()).map(|runner| self.map(runner, n_steps).into());
        el!(div)
            .child(claim(self.of_race, start, spec, columns, rows))
            .child(el!(div class="norms-maps").child(maps.collect::<Vec<View>>()))
    }

    /// The gradient of each layer over the steps of a run.
    fn map(self, runner: usize, n_steps: usize) -> El {
        let view = derive(move || race_map(&self.strides.read(), runner, n_steps));
        let title =
            derive(move || format!("{}: gradient of each layer, by the step", NAMES[runner]));
        plate(Plate {
            symbol: "g",
            title,
            view,
            testid: MAPS[runner],
            max_cell: 24.0,
            cursor: None,
        })
    }

    /// By how much Pre-LN's last gradient shrinks.
    pub fn question(self) -> El {
        let measured = derive(move || {
            let exponent = self.exponent.get()?;
            // From 4 layers to 16: four times as many.
            Some(4.0_f32.powf(-exponent))
        });
        let spec = Question {
            label: "Times smaller",
            unit: "times smaller",
            of: self.of_question,
            measured,
            tolerance: 0.2,
        };
        question(spec, move || {
            if let Some(exponent) = depth_exponent(&self.depth.read_untracked(), Place::Pre) {
                return self.exponent.set(Some(exponent));
            }
            let own: Var<Found> = Var::default();
            self.of_question.start(RoomAsk::Norms(depth_ask(&[Place::Pre])), move |part| {
                if let RoomPart::Norms(NormsPart::Gradients { place, gradients }) = part {
                    own.update(|all| all.push((place, gradients)));
                    if own.read_untracked().len() == DEPTHS.len() {
                        self.exponent.set(depth_exponent(&own.read_untracked(), Place::Pre));
                    }
                }
            });
        })
    }
}

fn depth_ask(places: &[Place]) -> NormsAsk {
    NormsAsk::Gradients {
        setting: Setting::Analysis,
        places: places.to_vec(),
        depths: DEPTHS.to_vec(),
        n_seeds: N_SEEDS,
    }
}

fn gather(of: Measurement, into: Var<Found>, ask: NormsAsk) {
    into.set(Vec::new());
    of.start(RoomAsk::Norms(ask), move |part| {
        if let RoomPart::Norms(NormsPart::Gradients { place, gradients }) = part {
            into.update(|all| all.push((place, gradients)));
        }
    });
}
