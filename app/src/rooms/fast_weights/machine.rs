//! The machine: W before a token, what the token writes, W after it, and what its query reads.

use std::sync::Arc;

use vitrine_models::claims::fast_weights::{Rules, Walk};

use super::rules;
use super::source::{Source, of_model, random};
use crate::format;
use crate::lens::rooms::fast_weights::{Shown, distance, map, of_step};
use crate::parts::dom::{El, effect, el, part};
use crate::parts::matrix::Cursor;
use crate::protocol::ChangeOf;
use crate::protocol::room::{FastAsk, FastPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::invariant::{Invariant, invariants};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, Var, derive};
use crate::state::room::{self, Heard};

/// What was walked, and how.
#[derive(Clone, Debug, PartialEq)]
struct Walked {
    source: Source,
    rules: Rules,
    walk: Walk,
}

/// What the parts of the machine share.
#[derive(Clone, Copy)]
pub struct Machine {
    visit: Visit,
    /// What is to be walked; none while there are no vectors.
    pub source: Derived<Option<Source>>,
    /// Where the machine stands.
    pub step: Derived<usize>,
    walked: Var<Option<Arc<Walked>>>,
    fault: Var<Option<String>>,
}

impl Machine {
    /// A machine that walks whenever knobs or tokens change.
    pub fn new(visit: Visit) -> Self {
        let store = visit.store;
        let source = derive(move || match visit.get("from").as_str() {
            "random" => Some(random(false)),
            "again" => Some(random(true)),
            _ => {
                let (traced, focus) = (store.trace.get(), store.focus.get());
                let card = store.card.get()?;
                let names: Vec<String> =
                    traced.tokens.iter().map(|token| token.text.clone()).collect();
                of_model(&traced.trace, &card, &names, focus.layer, focus.head)
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
            let n_steps = source.read().as_ref().as_ref().map_or(0, |source| source.names.len());
            visit.n_steps.set(n_steps);
        });
        // A step is a change of the address, and walks nothing anew.
        let wanted = derive(move || visit.is_here().then(|| (source.get(), rules(visit))));
        effect(move || {
            if let Some((source, rules)) = wanted.get() {
                machine.walk(source, rules);
            }
        });
        machine
    }

    fn walk(self, source: Option<Source>, rules: Rules) {
        let Some(source) = source else { return room::cancel("walk") };
        let ask = FastAsk::Walk {
            n_tokens: source.names.len() as u32,
            qkv: [0, 1, 2].map(|at| source.qkv[at].to_vec()),
            rules,
        };
        let hears = move |heard| match heard {
            Heard::Part(RoomPart::FastWeights(FastPart::Walk(walk))) => {
                let walked = Walked { source: source.clone(), rules, walk: *walk };
                self.walked.set(Some(Arc::new(walked)));
                self.fault.set(None);
            }
            Heard::Fault(what, advice) => self.fault.set(Some(format!("{what}. {advice}"))),
            Heard::Part(_) | Heard::Done => {}
        };
        room::ask("walk", RoomAsk::FastWeights(ask), hears);
    }

    /// The walk, as long as it is one of the vectors of now. When a knob is turned, the last walk stays until the
    /// next one comes.
    fn now(self) -> Option<Arc<Walked>> {
        let walked = self.walked.get()?;
        (Some(&walked.source) == self.source.read().as_ref().as_ref()).then_some(walked)
    }

    /// The head's output in its linear form, as a change of the model; none where the vectors are not a head's, or
    /// the walk is not there yet.
    pub fn as_change(self) -> Derived<Option<ChangeOf>> {
        derive(move || {
            let walked = self.now().filter(|walked| walked.rules == rules(self.visit))?;
            let focus = self.visit.store.focus.get();
            (self.visit.get("from") == "model").then(|| ChangeOf::Head {
                layer: focus.layer as u32,
                head: focus.head as u32,
                values: walked.walk.read.clone(),
            })
        })
    }

    /// A plate of a step; its title by the rule, sum or delta.
    fn plate(
        self,
        shown: Shown,
        [symbol, testid]: [&'static str; 2],
        [by_sum, by_delta]: [&'static str; 2],
    ) -> El {
        let view = derive(move || of_step(&self.now()?.walk, self.step.get(), shown));
        let title = derive(move || {
            let is_delta = self.visit.get("rule") == "delta";
            if is_delta { by_delta } else { by_sum }.to_owned()
        });
        plate(Plate { symbol, title, view, testid, max_cell: 14.0, cursor: None })
    }

    fn map_plate(self, is_softmax: bool) -> El {
        let view = derive(move || {
            let walked = self.now()?;
            map(&walked.walk, self.step.get(), &walked.source.names, is_softmax)
        });
        let title = derive(move || match is_softmax {
            true => "softmax of the same q and k".to_owned(),
            false => "A: the attention that these weights imply".to_owned(),
        });
        let cursor = derive(move || -> Cursor { (Some(self.step.get()), None) });
        let acts = std::rc::Rc::new(crate::parts::matrix::Acts {
            hover: Box::new(|_| {}),
            pin: Box::new(move |(row, _)| self.visit.set_step(row)),
            move_to: Box::new(move |(row, _)| self.visit.set_step(row)),
        });
        let (symbol, testid) =
            if is_softmax { ("softmax", "fast-softmax") } else { ("A", "fast-implied") };
        plate(Plate { symbol, title, view, testid, max_cell: 18.0, cursor: Some((cursor, acts)) })
    }

    /// Everything of one step.
    pub fn view(self) -> El {
        let fault = part(move || match self.fault.get() {
            Some(what) => vec![el!(p class="fault").child(what).into()],
            None => Vec::new(),
        });
        let sign = |words: &str| el!(span class="sign" aria-hidden="true").child(words);
        let one = |shown, names, title: &'static str| self.plate(shown, names, [title; 2]);
        let written = self.plate(
            Shown::Written,
            ["v", "fast-written"],
            ["v: the value that is written", "u: what is written, β(v − W φ(k))"],
        );
        let added = self.plate(
            Shown::Added,
            ["outer", "fast-added"],
            ["v φ(k)ᵀ: what it adds", "u φ(k)ᵀ: what it adds"],
        );
        let write = el!(div class="fast-row fast-vectors")
            .child(one(Shown::Key, ["phik", "fast-key"], "φ(k): the key’s features"))
            .child(written);
        let weights = el!(div class="fast-row fast-weights")
            .child(one(Shown::Before, ["Wbefore", "fast-before"], "W before the token"))
            .child(sign("+"))
            .child(added)
            .child(sign("="))
            .child(one(Shown::After, ["W", "fast-after"], "W after the token"));
        let read = el!(div class="fast-row fast-vectors")
            .child(one(Shown::Query, ["phiq", "fast-query"], "φ(q): the query’s features"))
            .child(one(Shown::Read, ["o", "fast-read"], "o: what W gives for it"));
        let maps = el!(div class="fast-row fast-maps")
            .child(self.map_plate(false))
            .child(self.map_plate(true));
        el!(div class="fast-machine" data-testid="fast-machine")
            .class("stale", move || {
                self.now().is_none_or(|walked| walked.rules != rules(self.visit))
            })
            .child(el!(div role="alert").child(fault))
            .child(write)
            .child(weights)
            .child(self.keep_line())
            .child(read)
            .child(maps)
            .child(self.distance_line())
    }

    /// With decay, W before shrinks on the way.
    fn keep_line(self) -> El {
        let words = move || {
            let keep = self.visit.number("keep");
            (keep < 1.0).then(|| {
                format!(
                    "W before the token is first multiplied by {}: that much is kept.",
                    format::exact(keep)
                )
            })
        };
        el!(p class="hint").text(words)
    }

    fn distance_line(self) -> El {
        let words = move || {
            let walked = self.now()?;
            Some(match distance(&walked.walk) {
                Some(distance) => format!(
                    "The two share all but {} of their weight, a row in the mean.",
                    format::three(distance)
                ),
                None => {
                    "Rows of A need not sum to one here, so the two are on scales of their own."
                        .to_owned()
                }
            })
        };
        el!(p class="hint" data-testid="fast-distance").text(words)
    }

    /// What must hold in every walk.
    pub fn invariants(self) -> El {
        let of = move |pick: fn(&Walk) -> Option<f32>| derive(move || pick(&self.now()?.walk));
        let line = |name, error, bound| Invariant { name, error, bound };
        invariants(vec![
            line("all pairs = token by token", of(|walk| Some(walk.pairs_error)), 1e-5),
            line("chunks = token by token", of(|walk| Some(walk.chunks_error)), 1e-5),
            line("W φ(q) = the attention’s output", of(|walk| Some(walk.weights_error)), 1e-5),
            line("rows of A sum to one", of(|walk| walk.sum_error), 1e-5),
        ])
    }
}
