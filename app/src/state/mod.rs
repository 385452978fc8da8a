//! What the page knows, and how it changes: the choices (kept in the URL), what points at what
//! (the hover), and what the worker said. One copyable bundle of signals for all views.

pub mod browser;
pub mod inbox;
pub mod pulse;
pub mod url;
pub mod wants;

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::host::Host;
use crate::lens::trace::Trace;
use crate::protocol::{
    EngineInfo, Fault, FaultPlace, GenerateEnd, GenerateJob, LensRow, LoadProgress, ModelCard,
    ModelOffer, ModelSource, Predictions, RunId, RunJob, RunReport, ToWorker, TokenView, Wants,
};
use crate::state::url::{Average, UrlState};

/// Tokens of a generation.
pub const N_GENERATED: u32 = 64;

/// What the pointer or the keyboard previews; what is `None` stays as pinned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hover {
    /// Layer and head.
    pub head: Option<(u16, u16)>,
    /// Query token.
    pub query: Option<u32>,
    /// Key token.
    pub key: Option<u32>,
}

/// What all panels show: the hover where there is one, else the pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// Layer.
    pub layer: usize,
    /// Head.
    pub head: usize,
    /// Query token.
    pub query: Option<usize>,
    /// Key token.
    pub key: Option<usize>,
}

/// The hooks of a run beside the tokens that they belong to.
#[derive(Clone, Debug, Default)]
pub struct RunTrace {
    /// Of which run.
    pub run: RunId,
    /// The hooks.
    pub trace: Arc<Trace>,
    /// The tokens when it came.
    pub tokens: Arc<Vec<TokenView>>,
}

/// What the model expects next, with all logits.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The largest, and where.
    pub predictions: Predictions,
    /// `[d_vocab]`.
    pub logits: Arc<[f32]>,
}

/// The two engines on the same tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Names.
    pub engines: [String; 2],
    /// Of the logits.
    pub relative_error: f32,
    /// Of the patterns.
    pub pattern_error: f32,
    /// Of which run.
    pub run: RunId,
}

/// Sentences and the cosines of every pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Similarity {
    /// The sentences.
    pub texts: Vec<String>,
    /// `[n, n]`.
    pub cosines: Vec<f32>,
}

/// The page's state.
#[derive(Clone, Copy)]
pub struct Store {
    /// The worker.
    pub host: StoredValue<Host, LocalStorage>,
    /// The choices.
    pub url: RwSignal<UrlState>,
    /// The preview.
    pub hover: RwSignal<Hover>,
    /// The engine, once it started.
    pub engine: RwSignal<Option<EngineInfo>>,
    /// Models beside the page.
    pub offers: RwSignal<Arc<Vec<ModelOffer>>>,
    /// The load in progress.
    pub progress: RwSignal<Option<LoadProgress>>,
    /// The model.
    pub card: RwSignal<Option<Arc<ModelCard>>>,
    /// What failed and was not dismissed.
    pub faults: RwSignal<Vec<Fault>>,
    /// The tokens of the text.
    pub tokens: RwSignal<Arc<Vec<TokenView>>>,
    /// What to know about them.
    pub notice: RwSignal<Option<String>>,
    /// The last run.
    pub report: RwSignal<Option<RunReport>>,
    /// Its hooks.
    pub trace: RwSignal<RunTrace>,
    /// Its predictions.
    pub expected: RwSignal<Option<Arc<Expected>>>,
    /// Its logit lens.
    pub lens: RwSignal<Arc<Vec<LensRow>>>,
    /// Its losses.
    pub losses: RwSignal<Arc<Vec<Option<f32>>>>,
    /// Whether tokens are being generated.
    pub generating: RwSignal<bool>,
    /// Why the last generation ended.
    pub ended: RwSignal<Option<GenerateEnd>>,
    /// Sentences compared.
    pub similarity: RwSignal<Arc<Similarity>>,
    /// Engines compared.
    pub comparison: RwSignal<Option<Comparison>>,
    /// Whether the engines are being compared.
    pub comparing: RwSignal<bool>,
    /// Grows when the wall needs a new canvas.
    pub wall_age: RwSignal<u32>,
    /// What to say to screen readers.
    pub said: RwSignal<String>,
    /// Whether the night colours are on.
    pub dark: RwSignal<bool>,
    /// Count of runs.
    pub run: RwSignal<RunId>,
    /// The last run that ended, well or not.
    pub ended_run: RwSignal<RunId>,
    /// The shown selection.
    pub focus: Memo<Focus>,
    /// The hooks wanted now.
    pub wants: Memo<Wants>,
}

/// The store of this page.
pub fn use_store() -> Store {
    expect_context()
}

impl Store {
    /// Makes it, from what the URL says.
    pub fn new(host: Host, url: UrlState) -> Self {
        let url = RwSignal::new(url);
        let hover = RwSignal::new(Hover::default());
        let card: RwSignal<Option<Arc<ModelCard>>> = RwSignal::new(None);
        let tokens: RwSignal<Arc<Vec<TokenView>>> = RwSignal::default();
        let focus = Memo::new(move |_| focus_of(&url.read(), hover.get(), card.get().as_deref()));
        let n_tokens = Memo::new(move |_| tokens.read().len());
        let wants = Memo::new(move |_| {
            let n_tokens = n_tokens.get();
            card.get()
                .map(|card| {
                    let pinned = url.read().query.filter(|&query| (query as usize) < n_tokens);
                    let shown = wants::Shown {
                        layer: focus.get().layer,
                        n_tokens,
                        lens_at: pinned.or((n_tokens as u32).checked_sub(1)),
                    };
                    wants::wants(&url.read(), &card, shown)
                })
                .unwrap_or_default()
        });
        Self {
            host: StoredValue::new_local(host),
            url,
            hover,
            engine: RwSignal::new(None),
            offers: RwSignal::default(),
            progress: RwSignal::new(None),
            card,
            faults: RwSignal::default(),
            tokens,
            notice: RwSignal::new(None),
            report: RwSignal::new(None),
            trace: RwSignal::default(),
            expected: RwSignal::new(None),
            lens: RwSignal::default(),
            losses: RwSignal::default(),
            generating: RwSignal::new(false),
            ended: RwSignal::new(None),
            similarity: RwSignal::default(),
            comparison: RwSignal::new(None),
            comparing: RwSignal::new(false),
            wall_age: RwSignal::new(0),
            said: RwSignal::default(),
            dark: RwSignal::new(false),
            run: RwSignal::new(0),
            ended_run: RwSignal::new(0),
            focus,
            wants,
        }
    }

    /// Changes choices as one step of the browser's history.
    pub fn choose(self, change: impl FnOnce(&mut UrlState)) {
        self.change(change, true);
    }

    /// Changes choices within the current step (a slider that is being dragged, typing).
    pub fn adjust(self, change: impl FnOnce(&mut UrlState)) {
        self.change(change, false);
    }

    fn change(self, change: impl FnOnce(&mut UrlState), is_step: bool) {
        let before = self.url.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            browser::write_hash(&after.to_hash(), is_step);
            self.url.set(after);
        }
    }

    /// Sends a message to the worker.
    pub fn post(self, message: &ToWorker) {
        self.host.with_value(|host| host.post(message));
    }

    /// Runs the model on the text.
    pub fn run_text(self) {
        if self.card.with_untracked(Option::is_none) {
            return;
        }
        self.run.update(|run| *run += 1);
        self.generating.set(false);
        self.ended.set(None);
        let (text, pair) = self.url.with_untracked(|url| (url.text.clone(), url.pair.clone()));
        let is_encoder = self.card.with_untracked(|card| card.as_ref().is_some_and(|c| !c.causal));
        let pair = pair.filter(|_| is_encoder);
        self.post(&ToWorker::Run(RunJob { run: self.run.get_untracked(), text, pair }));
    }

    /// Continues the text.
    pub fn generate(self) {
        self.generating.set(true);
        self.ended.set(None);
        let job = GenerateJob {
            run: self.run.get_untracked(),
            n_tokens: N_GENERATED,
            sampling: self.url.with_untracked(|url| url.sampling),
        };
        self.post(&ToWorker::Generate(job));
    }

    /// Loads a model; the one that is loaded stays until it is there.
    pub fn load(self, source: ModelSource) {
        self.load_with(source, &JsValue::UNDEFINED);
    }

    /// Loads a model from files, which are the attachment.
    pub fn load_with(self, source: ModelSource, files: &JsValue) {
        self.faults.update(|faults| {
            faults.retain(|fault| fault.place != FaultPlace::Model);
        });
        self.progress.set(Some(LoadProgress {
            stage: "Opening the model".into(),
            received: 0,
            total: None,
            rate: 0.0,
        }));
        self.host.with_value(|host| host.post_with(&ToWorker::Load(source), files, &[]));
    }

    /// Pins a head; the average goes.
    pub fn pin_head(self, layer: u16, head: u16) {
        self.choose(|url| {
            (url.layer, url.head, url.average) = (layer, head, Average::None);
        });
    }

    /// Pins a token, or lets go of it where it is pinned.
    pub fn pin_query(self, query: u32) {
        self.choose(|url| url.query = if url.query == Some(query) { None } else { Some(query) });
    }

    /// Pins a cell.
    pub fn pin_cell(self, query: u32, key: u32) {
        self.choose(|url| (url.query, url.key) = (Some(query), Some(key)));
    }

    /// Lets go of tokens and of the preview.
    pub fn let_go(self) {
        self.hover.set(Hover::default());
        self.choose(|url| (url.query, url.key) = (None, None));
    }

    /// Previews; [`Hover::default`] ends it.
    pub fn preview(self, hover: Hover) {
        if self.hover.get_untracked() != hover {
            self.hover.set(hover);
        }
    }
}

fn focus_of(url: &UrlState, hover: Hover, card: Option<&ModelCard>) -> Focus {
    let (layer, head) = hover.head.unwrap_or((url.layer, url.head));
    let within =
        |value: u16, n: Option<u32>| usize::from(value).min((n.unwrap_or(1).max(1) - 1) as usize);
    Focus {
        layer: within(layer, card.map(|card| card.n_layers)),
        head: within(head, card.map(|card| card.n_heads)),
        query: hover.query.or(url.query).map(|query| query as usize),
        key: hover.key.or(url.key).map(|key| key as usize),
    }
}
