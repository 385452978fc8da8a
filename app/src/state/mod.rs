//! What the page knows, and how it changes: the choices (kept in the URL), what points at what
//! (the hover), and what the worker said. One copyable bundle of signals for all views.

pub mod browser;
pub mod cell;
pub mod inbox;
pub mod lab;
pub mod pulse;
pub mod room;
pub mod url;
pub mod wants;

use std::cell::Cell;
use std::sync::Arc;

use wasm_bindgen::JsValue;

use crate::host;
use crate::lens::lab::presets::{PRESETS, Preset};
use crate::lens::stack;
use crate::lens::trace::Trace;
use crate::protocol::{
    Attention, Changed, EngineInfo, Fault, FaultPlace, GenerateEnd, GenerateJob, LensRow,
    LoadProgress, MaskedPlace, ModelCard, ModelOffer, ModelSource, Predictions, RunId, RunJob,
    RunReport, Target, ToWorker, TokenView, Wants, WeightsAsk, WeightsPart, Written,
};
use crate::state::cell::{Derived, Var, derive};
use crate::state::url::{Attending, Average, Place, RoomState, Tab, UrlState};

/// Tokens of a generation.
pub const N_GENERATED: u32 = 64;
/// Tokens of a target that the model writes.
pub const N_WRITTEN: u32 = 128;

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
    /// The tokens when it came, rows of maps.
    pub tokens: Arc<Vec<TokenView>>,
    /// What they look at, columns of maps: themselves, or a source.
    pub keys: Arc<Vec<TokenView>>,
}

/// Traces are the same only if nothing came in between.
impl PartialEq for RunTrace {
    fn eq(&self, other: &Self) -> bool {
        self.run == other.run
            && Arc::ptr_eq(&self.trace, &other.trace)
            && Arc::ptr_eq(&self.tokens, &other.tokens)
            && Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl RunTrace {
    /// What one attention has to do with.
    fn of(&self, attention: Attention) -> Self {
        let sides = match attention {
            Attention::Own | Attention::Decoder => [&self.tokens, &self.tokens],
            Attention::Encoder => [&self.keys, &self.keys],
            Attention::Cross => [&self.tokens, &self.keys],
        };
        let [tokens, keys] = sides.map(Arc::clone);
        Self { run: self.run, trace: stack::trace(&self.trace, attention), tokens, keys }
    }
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

/// Cells of a matrix of the weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells {
    /// Which.
    pub part: WeightsPart,
    /// Row-major.
    pub values: Arc<[f32]>,
}

/// Singular values of a matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectrum {
    /// Its name.
    pub name: String,
    /// How much of the work is done.
    pub done: f32,
    /// Largest first.
    pub values: Vec<f32>,
    /// Why there are none.
    pub why_not: Option<String>,
}

/// The page's state.
pub struct State {
    /// The choices.
    pub url: Var<UrlState>,
    /// The preview.
    pub hover: Var<Hover>,
    /// The engine, once it started.
    pub engine: Var<Option<EngineInfo>>,
    /// Models beside the page.
    pub offers: Var<Vec<ModelOffer>>,
    /// The load in progress.
    pub progress: Var<Option<LoadProgress>>,
    /// The model.
    pub model: Var<Option<Arc<ModelCard>>>,
    /// Which of its attentions is shown.
    pub attention: Derived<Attention>,
    /// The stack that the panels show: the model, or one half of an encoder–decoder.
    pub card: Derived<Option<Arc<ModelCard>>>,
    /// What failed and was not dismissed.
    pub faults: Var<Vec<Fault>>,
    /// The tokens of the text; of an encoder–decoder those of the target.
    pub tokens: Var<Arc<Vec<TokenView>>>,
    /// The tokens of its source.
    pub source: Var<Arc<Vec<TokenView>>>,
    /// What to know about those.
    pub source_notice: Var<Option<String>>,
    /// What the model has written.
    pub written: Var<Arc<Written>>,
    /// What to know about them.
    pub notice: Var<Option<String>>,
    /// The last run.
    pub report: Var<Option<RunReport>>,
    /// Its hooks.
    pub traced: Var<RunTrace>,
    /// Those of the stack that is shown, by the names of a model with one stack.
    pub trace: Derived<RunTrace>,
    /// Its predictions.
    pub expected: Var<Option<Expected>>,
    /// Its logit lens.
    pub lens: Var<Vec<LensRow>>,
    /// Its losses.
    pub losses: Var<Vec<Option<f32>>>,
    /// What is expected in masked places.
    pub masked: Var<Vec<MaskedPlace>>,
    /// What came of the last change that was looked at.
    pub changed: Var<Option<Changed>>,
    /// Whether each token is being masked in turn.
    pub masking: Var<bool>,
    /// Whether tokens are being generated.
    pub generating: Var<bool>,
    /// Why the last generation ended.
    pub ended: Var<Option<GenerateEnd>>,
    /// Sentences compared.
    pub similarity: Var<Similarity>,
    /// Engines compared.
    pub comparison: Var<Option<Comparison>>,
    /// The part of a matrix that was asked for last, until all of it is there.
    pub weighing: Var<Option<WeightsAsk>>,
    /// Its cells.
    pub cells: Var<Arc<Cells>>,
    /// Its singular values.
    pub spectrum: Var<Arc<Spectrum>>,
    /// Whether the engines are being compared.
    pub comparing: Var<bool>,
    /// Grows when the wall needs a new canvas.
    pub wall_age: Var<u32>,
    /// What to say to screen readers.
    pub said: Var<String>,
    /// Whether the night colours are on.
    pub dark: Var<bool>,
    /// Count of runs.
    pub run: Var<RunId>,
    /// The last run that ended, well or not.
    pub ended_run: Var<RunId>,
    /// The shown selection.
    pub focus: Derived<Focus>,
    /// Whether the panel at the foot is made: the first map does not wait for what it is made of.
    pub has_foot: Var<bool>,
    /// The hooks wanted now.
    pub wants: Derived<Wants>,
}

/// What views hold of it.
pub type Store = &'static State;

thread_local! {
    static STORE: Cell<Option<Store>> = const { Cell::new(None) };
}

/// The store of this page.
pub fn use_store() -> Store {
    let Some(store) = STORE.get() else { unreachable!("the page makes its store first") };
    store
}

impl State {
    /// Makes the store of this page, from what the URL says. It lives as long as the page.
    pub fn start(url: UrlState) -> Store {
        let url = Var::new(url);
        let hover = Var::new(Hover::default());
        let model: Var<Option<Arc<ModelCard>>> = Var::new(None);
        let tokens: Var<Arc<Vec<TokenView>>> = Var::default();
        let source: Var<Arc<Vec<TokenView>>> = Var::default();
        let traced: Var<RunTrace> = Var::default();
        let attention = derive(move || match &*model.read() {
            Some(model) if model.encoder.is_some() => url.read().attending.attention(),
            _ => Attention::Own,
        });
        let card = derive(move || {
            let attention = attention.get();
            (*model.read()).as_ref().map(|model| stack::card(model, attention))
        });
        let trace = derive(move || traced.read().of(attention.get()));
        let focus = derive(move || focus_of(&url.read(), hover.get(), card.read().as_deref()));
        let n_shown = derive(move || match attention.get() {
            Attention::Encoder => source.read().len(),
            _ => tokens.read().len(),
        });
        let has_foot = Var::new(false);
        let wants = derive(move || {
            let (url, attention) = (url.read(), attention.get());
            let n_tokens = tokens.read().len() as u32;
            // The lens is the decoder's.
            let pinned = url.query.filter(|&at| at < n_tokens && attention != Attention::Encoder);
            let shown = wants::Shown {
                layer: focus.read().layer,
                n_tokens: n_shown.get(),
                lens_at: pinned.or(n_tokens.checked_sub(1)),
                tab: has_foot.get().then(|| tab_of(url.tab, (*model.read()).as_deref())),
            };
            let (Some(model), Some(card)) = (model.get(), card.get()) else {
                return Wants::default();
            };
            let n_cells = tokens.read().len() * source.read().len();
            wants::of_stack(&url, &model, attention, &card, shown, n_cells)
        });
        let state = Self {
            url,
            hover,
            engine: Var::default(),
            offers: Var::default(),
            progress: Var::default(),
            model,
            attention,
            card,
            faults: Var::default(),
            tokens,
            source,
            source_notice: Var::default(),
            written: Var::default(),
            notice: Var::default(),
            report: Var::default(),
            traced,
            trace,
            expected: Var::default(),
            lens: Var::default(),
            losses: Var::default(),
            masked: Var::default(),
            changed: Var::default(),
            masking: Var::default(),
            generating: Var::default(),
            ended: Var::default(),
            similarity: Var::default(),
            comparison: Var::default(),
            weighing: Var::default(),
            cells: Var::default(),
            spectrum: Var::default(),
            comparing: Var::default(),
            wall_age: Var::default(),
            said: Var::default(),
            dark: Var::default(),
            run: Var::default(),
            ended_run: Var::default(),
            focus,
            has_foot,
            wants,
        };
        let store: Store = Box::leak(Box::new(state));
        STORE.set(Some(store));
        store
    }

    /// Changes choices as one step of the browser's history.
    pub fn choose(&self, change: impl FnOnce(&mut UrlState)) {
        self.change(change, true);
    }

    /// Changes choices within the current step (a slider that is being dragged, typing).
    pub fn adjust(&self, change: impl FnOnce(&mut UrlState)) {
        self.change(change, false);
    }

    fn change(&self, change: impl FnOnce(&mut UrlState), is_step: bool) {
        let before = self.url.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            browser::write_hash(&after.to_hash(), is_step);
            self.url.set(after);
        }
    }

    /// Shows a place, as one step of the browser's history.
    pub fn go(&self, place: Place) {
        self.choose(|url| {
            url.place = place;
            if place == Place::Lab && url.lab.is_none() {
                url.lab = PRESETS.first().map(Preset::choice);
            }
        });
    }

    /// Shows a room as it is when nobody has chosen anything there.
    pub fn go_to_room(&self, number: u8) {
        self.choose(|url| {
            url.place = Place::Room;
            if url.room.number != number {
                url.room = RoomState::of(number);
            }
        });
    }

    /// Sends a message to the worker.
    pub fn post(&self, message: &ToWorker) {
        host::post(message);
    }

    /// Runs the model on the text.
    pub fn run_text(&self) {
        let Some(card) = self.model.get_untracked() else { return };
        self.run.update(|run| *run += 1);
        self.generating.set(false);
        self.ended.set(None);
        self.masking.set(false);
        if card.can_mask() {
            self.losses.set(Vec::new());
        }
        let url = self.url.read_untracked();
        let masks = if card.can_mask() { url.masks.clone() } else { Vec::new() };
        let pair = url.pair.clone().filter(|_| !card.causal);
        let target = card.encoder.as_ref().map(|_| match &url.target {
            Some(target) => Target::Typed(target.clone()),
            None => Target::Written { n_beams: url.beams.into(), max_tokens: N_WRITTEN },
        });
        let (run, text) = (self.run.get_untracked(), url.text.clone());
        let chat = if card.has_chat { url.turns() } else { Vec::new() };
        self.post(&ToWorker::Run(RunJob { run, text, pair, masks, chat, target }));
    }

    /// Continues the text.
    pub fn generate(&self) {
        self.generating.set(true);
        self.ended.set(None);
        let job = GenerateJob {
            run: self.run.get_untracked(),
            n_tokens: N_GENERATED,
            sampling: self.url.read_untracked().sampling,
        };
        self.post(&ToWorker::Generate(job));
    }

    /// Loads a model; the one that is loaded stays until it is there.
    pub fn load(&self, source: ModelSource) {
        self.load_with(source, &JsValue::UNDEFINED);
    }

    /// Loads a model from files, which are the attachment.
    pub fn load_with(&self, source: ModelSource, files: &JsValue) {
        self.faults.update(|faults| {
            faults.retain(|fault| fault.place != FaultPlace::Model);
        });
        self.progress.set(Some(LoadProgress {
            stage: "Opening the model".into(),
            received: 0,
            total: None,
            rate: 0.0,
        }));
        host::post_with(&ToWorker::Load(source), files, &[]);
    }

    /// Pins a head; the average goes.
    pub fn pin_head(&self, layer: u16, head: u16) {
        self.choose(|url| {
            (url.layer, url.head, url.average) = (layer, head, Average::None);
        });
    }

    /// Shows another attention of an encoder–decoder. What was pinned is of other tokens.
    pub fn attend(&self, of: Attention) {
        let attending = Attending::ALL.iter().find(|one| one.attention() == of);
        if let Some(&attending) = attending.filter(|_| self.attention.get_untracked() != of) {
            self.hover.set(Hover::default());
            self.choose(|url| {
                (url.attending, url.query, url.key) = (attending, None, None);
            });
        }
    }

    /// Lets the model write the target again, with so many hypotheses side by side.
    pub fn write(&self, n_beams: u8) {
        self.choose(|url| {
            (url.target, url.beams) = (None, n_beams);
            (url.query, url.key) = (None, None);
        });
        self.run_text();
    }

    /// Pins a token, or lets go of it where it is pinned.
    pub fn pin_query(&self, query: u32) {
        self.choose(|url| url.query = if url.query == Some(query) { None } else { Some(query) });
    }

    /// What a click on a token does: models that fill masks get one in its place, or the token
    /// back; others pin it.
    pub fn press_token(&self, idx: u32) {
        if self.attention.get_untracked() == Attention::Encoder {
            self.attend(Attention::Cross);
        }
        let can_mask = self.card.read_untracked().as_ref().as_ref().is_some_and(|c| c.can_mask());
        let token = self.tokens.read_untracked().get(idx as usize).cloned();
        if !can_mask || token.is_none_or(|token| token.special) {
            return self.pin_query(idx);
        }
        self.choose(|url| match url.masks.binary_search(&idx) {
            Ok(place) => {
                url.masks.remove(place);
                url.query = None;
            }
            Err(place) => {
                url.masks.insert(place, idx);
                url.query = Some(idx);
            }
        });
        self.run_text();
    }

    /// What a click on a token of the source does: it is pinned among those that look or that are
    /// looked at.
    pub fn press_source(&self, idx: u32) {
        match self.attention.get_untracked() {
            Attention::Encoder => self.pin_query(idx),
            attention => {
                if attention != Attention::Cross {
                    self.attend(Attention::Cross);
                }
                self.choose(|url| url.key = if url.key == Some(idx) { None } else { Some(idx) });
            }
        }
    }

    /// Masks each token in turn.
    pub fn mask_each(&self) {
        self.masking.set(true);
        self.losses.set(Vec::new());
        self.post(&ToWorker::MaskEach);
    }

    /// Asks for cells of a matrix, and its singular values.
    pub fn weigh(&self, ask: WeightsAsk) {
        self.weighing.set(Some(ask.clone()));
        self.post(&ToWorker::Weights(ask));
    }

    /// Pins a cell.
    pub fn pin_cell(&self, query: u32, key: u32) {
        self.choose(|url| (url.query, url.key) = (Some(query), Some(key)));
    }

    /// Lets go of tokens and of the preview.
    pub fn let_go(&self) {
        self.hover.set(Hover::default());
        self.choose(|url| (url.query, url.key) = (None, None));
    }

    /// Previews; [`Hover::default`] ends it.
    pub fn preview(&self, hover: Hover) {
        if self.hover.get_untracked() != hover {
            self.hover.set(hover);
        }
    }
}

/// The panel at the foot: the one that was chosen, where the model has it.
pub fn tab_of(tab: Tab, model: Option<&ModelCard>) -> Tab {
    let mut tabs = tabs_of(model);
    let first = tabs.next().unwrap_or(Tab::Norms);
    if tabs.any(|known| known == tab) { tab } else { first }
}

/// Encoders compare sentences, models that predict have a loss, those with two texts align them.
pub fn tabs_of(model: Option<&ModelCard>) -> impl Iterator<Item = Tab> {
    let is_causal = model.is_none_or(|model| model.causal);
    let can_mask = model.is_some_and(ModelCard::can_mask);
    let is_pair = model.is_some_and(|model| model.encoder.is_some());
    let has_model = !model.is_some_and(ModelCard::is_recorded);
    Tab::ALL.iter().copied().filter(move |&tab| match tab {
        Tab::First => false,
        Tab::Alignment => is_pair,
        Tab::Beam => is_pair && has_model,
        Tab::Loss => is_causal || can_mask,
        Tab::Similarity => !is_causal && has_model,
        _ => true,
    })
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
