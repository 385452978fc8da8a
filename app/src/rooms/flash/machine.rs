//! The machine: one tile of scores at a time, and what each row has kept of those before.

use std::sync::Arc;

use vitrine_models::claims::flash::backward::Backward;
use vitrine_models::claims::flash::{BackWalk, Qkv, Rules, Walk};

use super::{back, rules};
use crate::lens::rooms::flash::{Shown, of_step};
use crate::lens::rooms::flash_back::back_tiles;
use crate::parts::dom::{El, effect, el, part, show};
use crate::protocol::room::{FlashAsk, FlashPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::fast_weights::source::{RANDOM_VECTORS, of_head, of_model, text};
use crate::rooms::invariant::{Invariant, invariants};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, Var, derive};
use crate::state::room::{self, Heard};

/// Rows and columns of random vectors.
const RANDOM: [u32; 2] = [16, 16];
/// Of random vectors.
const SEED: u64 = 1;

/// What is walked.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// One a row.
    pub names: Vec<String>,
    /// The head.
    pub qkv: Qkv,
    n_left_out: usize,
}

/// What came of a walk.
#[derive(Clone, Debug, PartialEq)]
pub struct Walked {
    /// Over what.
    pub source: Source,
    /// In which blocks.
    pub rules: Rules,
    /// The way there.
    pub walk: Walk,
    back: Backward,
    /// The way back; none where no workgroup has room for such blocks.
    pub tiles: Option<Box<BackWalk>>,
}

/// What the parts of the machine share.
#[derive(Clone, Copy)]
pub struct Machine {
    visit: Visit,
    /// What is to be walked; none while there are no vectors.
    pub source: Derived<Option<Source>>,
    /// Where it stands.
    pub step: Derived<usize>,
    walked: Var<Option<Arc<Walked>>>,
    fault: Var<Option<String>>,
}

impl Machine {
    /// A machine that walks whenever knobs or tokens change.
    pub fn new(visit: Visit) -> Self {
        let store = visit.store;
        let source = derive(move || match visit.get("from").as_str() {
            "random" => Some(random()),
            _ => {
                let (traced, focus) = (store.trace.get(), store.focus.get());
                let card = store.card.get()?;
                let names: Vec<String> =
                    traced.tokens.iter().map(|token| token.text.clone()).collect();
                let head = of_model(&traced.trace, &card, &names, focus.layer, focus.head)?;
                let n = head.names.len() as u32;
                let [q, k, v] = [0, 1, 2].map(|at: usize| head.qkv[at].to_vec());
                let d_head = (q.len() as u32).checked_div(n)?;
                let qkv = Qkv { n_rows: n, n_keys: n, d_head, q, k, v };
                Some(Source { names: head.names, qkv, n_left_out: head.n_left_out })
            }
        });
        let machine = Self {
            visit,
            source,
            step: visit.step(),
            walked: Var::default(),
            fault: Var::default(),
        };
        effect(move || {
            let n = source.read().as_ref().as_ref().map_or(0, |source| source.names.len());
            let n_tiles = match is_back(visit) {
                true => back_tiles(rules(visit), n).len(),
                false => rules(visit).tiles([n, n]).len(),
            };
            visit.n_steps.set(n_tiles);
        });
        let wanted = derive(move || visit.is_here().then(|| (source.get(), rules(visit))));
        effect(move || {
            if let Some((source, rules)) = wanted.get() {
                machine.walk(source, rules);
            }
        });
        machine
    }

    fn walk(self, source: Option<Source>, rules: Rules) {
        let Some(source) = source else { return room::cancel("tiles") };
        let ask = FlashAsk::Walk { qkv: source.qkv.clone(), rules };
        room::ask("tiles", RoomAsk::Flash(ask), move |heard| match heard {
            Heard::Part(RoomPart::Flash(FlashPart::Walk(walk, back, tiles))) => {
                let walked = Walked { source: source.clone(), rules, walk: *walk, back, tiles };
                self.walked.set(Some(Arc::new(walked)));
                self.fault.set(None);
            }
            Heard::Fault(what, advice) => self.fault.set(Some(format!("{what}. {advice}"))),
            Heard::Part(_) | Heard::Done => {}
        });
    }

    /// The walk, as long as it is one of what the knobs say now.
    pub fn now(self) -> Option<Arc<Walked>> {
        let walked = self.walked.get()?;
        let is_now = Some(&walked.source) == self.source.read().as_ref().as_ref()
            && walked.rules == rules(self.visit);
        is_now.then_some(walked)
    }

    fn plate(
        self,
        shown: Shown,
        symbol: &'static str,
        testid: &'static str,
        title: &'static str,
    ) -> El {
        let view = derive(move || {
            let walked = self.now()?;
            of_step(&walked.walk, walked.rules, &walked.source.names, self.step.get(), shown)
        });
        let title = derive(move || title.to_owned());
        plate(Plate { symbol, title, view, testid, max_cell: 16.0, cursor: None })
    }

    /// Everything of one step.
    pub fn view(self) -> El {
        let fault = part(move || match self.fault.get() {
            Some(what) => vec![el!(p class="fault").child(what).into()],
            None => Vec::new(),
        });
        let visit = self.visit;
        let line = move || if is_back(visit) { back::tile_line(self) } else { self.tile_line() };
        el!(div class="fast-machine flash-machine")
            .class("stale", move || self.now().is_none())
            .child(el!(div role="alert").child(fault))
            .child(el!(p class="hint" data-testid="flash-tile").text(line))
            .child(show(move || !is_back(visit), move || self.forward().into()))
            .child(show(move || is_back(visit), move || back::view(self).into()))
    }

    fn forward(self) -> El {
        let tile = el!(div class="fast-row flash-tiles")
            .child(self.plate(Shown::Scores, "S", "flash-scores", "S: the tile of scores"))
            .child(self.plate(Shown::Highest, "m", "flash-highest", "m: largest so far"))
            .child(self.plate(Shown::Sums, "l", "flash-sums", "ℓ: sum so far"))
            .child(self.plate(Shown::Output, "O", "flash-output", "O/ℓ: the output so far"));
        let whole = el!(div class="fast-row flash-tiles")
            .child(self.plate(Shown::Pattern, "P", "flash-pattern", "P: what matrices keep"))
            .child(self.plate(Shown::Matrices, "PV", "flash-matrices", "P V: their output"));
        el!(div).child(tile).child(whole)
    }

    /// How many tokens there are.
    pub fn n_tokens(self) -> Option<usize> {
        self.source.read().as_ref().as_ref().map(|source| source.names.len())
    }

    /// What the knobs say of the blocks.
    pub fn rules(self) -> Rules {
        rules(self.visit)
    }

    /// Rows of a block of queries and of one of keys, of n, in words.
    pub fn spans(self, tile: [usize; 2], n: usize) -> [String; 2] {
        let rules = self.rules();
        let sizes = [rules.block_rows, rules.block_keys].map(|size| size as usize);
        [0, 1].map(|side| {
            let (first, last) =
                (tile[side] * sizes[side] + 1, ((tile[side] + 1) * sizes[side]).min(n));
            if first == last { first.to_string() } else { format!("{first} to {last}") }
        })
    }

    /// What happens at this step.
    fn tile_line(self) -> Option<String> {
        let n = self.n_tokens()?;
        let rules = self.rules();
        let tiles = rules.tiles([n, n]);
        let [block, pass] = *tiles.get(self.step.get())?;
        let comes = match pass {
            0 => "A block of queries is loaded; its first keys pass.",
            _ => "The queries stay; the next keys pass.",
        };
        let [rows, keys] = self.spans([block, pass], n);
        let n_skipped = n.div_ceil(rules.block_rows as usize)
            * n.div_ceil(rules.block_keys as usize)
            - tiles.len();
        let skipped = match n_skipped {
            0 => String::new(),
            1 => " One tile is never computed: nobody would see it.".to_owned(),
            n => format!(" {n} tiles are never computed: nobody would see them."),
        };
        Some(format!("Queries {rows}, keys {keys}. {comes}{skipped}"))
    }

    /// The line that says where the vectors come from, with the text and the head where they are the
    /// model's.
    pub fn source_line(self) -> El {
        let visit = self.visit;
        let is_model = move || visit.get("from") == "model";
        el!(div class="fast-source" data-testid="flash-source")
            .child(show(is_model, move || text(visit).into()))
            .child(el!(p class="hint").text(move || self.said()))
    }

    fn said(self) -> String {
        match self.visit.get("from").as_str() {
            "random" => RANDOM_VECTORS.to_owned(),
            _ => of_head(self.visit, self.source.get().map(|source| source.n_left_out)),
        }
    }

    /// What must hold in every walk.
    pub fn invariants(self) -> El {
        let of = move |pick: fn(&Walked) -> f64| derive(move || Some(pick(&*self.now()?) as f32));
        let line = |name, error| Invariant { name, error, bound: 1e-5 };
        invariants(vec![
            line("by blocks = by matrices", of(|walked| walked.walk.error)),
            line("e^(S − m)/ℓ = the pattern", of(|walked| walked.walk.pattern_error)),
            line(
                "gradients with the pattern computed again = kept",
                // Of a single token queries and keys have no gradient to compare.
                of(|walked| match walked.source.names.len() {
                    1 => walked.back.errors[2],
                    _ => walked.back.errors.into_iter().fold(0.0, f64::max),
                }),
            ),
            Invariant {
                name: "dQ, dK, dV tile by tile = by matrices",
                error: derive(move || {
                    let walked = self.now()?;
                    let errors = walked.tiles.as_ref()?.errors;
                    Some(match walked.source.names.len() {
                        1 => errors[2],
                        _ => errors.into_iter().fold(0.0, f64::max),
                    } as f32)
                }),
                bound: 1e-5,
            },
        ])
    }
}

/// Whether the walk is the way back.
fn is_back(visit: Visit) -> bool {
    visit.get("pass") == "backward"
}

fn random() -> Source {
    let [n, d] = RANDOM;
    Source {
        names: (1..=n).map(|at| at.to_string()).collect(),
        qkv: Qkv::random([n, n], d, SEED),
        n_left_out: 0,
    }
}
