//! What the Lab knows: its runs, what the current one does, and what its worker said. Made when the
//! Lab is opened first.

use std::cell::Cell;
use std::sync::Arc;

use wasm_bindgen::{JsCast, JsValue};

use crate::host;
use crate::lens::lab::activations::Statistic;
use crate::lens::lab::knobs::{Choice, in_titles};
use crate::lens::lab::maps::Probe;
use crate::lens::lab::norms::Quantity;
use crate::lens::lab::series::{Curve, Run};
use crate::lens::lab::toy_text;
use crate::lens::trace::Trace;
use crate::parts::dom::soon;
use crate::protocol::lab::{
    FromLab, LabFault, Look, Looked, Phase, RunNo, ToLab, TrainJob, Values, Wrote,
};
use crate::protocol::{EngineInfo, ModelSource};
use crate::state::cell::{Derived, Var, derive, forever};
use crate::state::url::{Corpus, Place, UrlState};
use crate::state::{Store, browser, use_store};

/// Paragraphs of the text that a grammar makes.
const N_PARAGRAPHS: usize = 400;
/// Longest text that is trained on, in bytes.
pub const MAX_CORPUS: usize = 2_000_000;
/// Most attention maps that are kept on the page, one a look.
const MAX_PROBES: usize = 48;

/// Values of a parameter, as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// Which.
    pub values: Values,
    /// `[n_rows, n_cols]`.
    pub floats: Arc<[f32]>,
}

/// The Lab's state.
pub struct LabState {
    /// The runs of this visit; the last is the one that the worker has.
    pub runs: Var<Vec<Arc<Run>>>,
    /// What it does; none before the first, or after it was stopped.
    pub phase: Var<Option<Phase>>,
    /// The engine that trains.
    pub engine: Var<Option<EngineInfo>>,
    /// What failed last.
    pub fault: Var<Option<LabFault>>,
    /// Its learning rate at the schedule's peak.
    pub rate: Var<f32>,
    /// What it writes.
    pub wrote: Var<Wrote>,
    /// Where it looks, a look each, in order.
    pub probes: Var<Vec<Arc<Probe>>>,
    /// The look that is shown, by its place; the last if none.
    pub scrubbed: Var<Option<usize>>,
    /// The pattern that is shown, by its name; the first if there is no such.
    pub hook: Var<String>,
    /// Its head.
    pub head: Var<usize>,
    /// Steps that it can go back to.
    pub kept: Var<Vec<u32>>,
    /// Which values the heat-map shows.
    pub look: Var<Look>,
    /// Those values.
    pub heat: Var<Heat>,
    /// Which norms are shown.
    pub quantity: Var<Quantity>,
    /// Which statistic of activations is shown.
    pub statistic: Var<Statistic>,
    /// Whether norms are of every parameter rather than layer.
    pub each: Var<bool>,
    /// Which quantity of every step is drawn.
    pub curve: Var<Curve>,
    /// Whether it lies on an axis of factors.
    pub is_log: Var<bool>,
    /// The text that was pasted.
    pub text: Var<String>,
    /// The knobs as they stand.
    pub choice: Derived<Choice>,
    /// The current run.
    pub current: Derived<Option<Arc<Run>>>,
}

/// What views hold of it.
pub type Lab = &'static LabState;

thread_local! {
    static LAB: Cell<Option<Lab>> = const { Cell::new(None) };
}

/// The Lab's state; made at the first call. It lives as long as the page.
pub fn use_lab() -> Lab {
    if let Some(lab) = LAB.get() {
        return lab;
    }
    let lab: Lab = Box::leak(Box::new(forever(LabState::new)));
    LAB.set(Some(lab));
    lab
}

impl LabState {
    fn new() -> Self {
        let store = use_store();
        let runs: Var<Vec<Arc<Run>>> = Var::default();
        Self {
            runs,
            phase: Var::default(),
            engine: Var::default(),
            fault: Var::default(),
            rate: Var::default(),
            wrote: Var::default(),
            probes: Var::default(),
            scrubbed: Var::default(),
            hook: Var::default(),
            head: Var::default(),
            kept: Var::default(),
            look: Var::default(),
            heat: Var::default(),
            quantity: Var::default(),
            statistic: Var::default(),
            each: Var::default(),
            curve: Var::default(),
            is_log: Var::new(true),
            text: Var::new(browser::kept_corpus().unwrap_or_default()),
            choice: derive(move || store.url.read().lab.clone().unwrap_or_default()),
            current: derive(move || runs.read().last().cloned()),
        }
    }

    /// Turns a knob; whether it can be that.
    pub fn turn(&self, name: &str, value: &str) -> bool {
        let mut choice = self.choice.get_untracked();
        let can = choice.set(name, value);
        if can {
            self.set_choice(choice);
        }
        can
    }

    /// Sets all knobs.
    pub fn set_choice(&self, choice: Choice) {
        if self.fault.read_untracked().is_some() {
            self.fault.set(None);
        }
        use_store().choose(|url: &mut UrlState| url.lab = Some(choice));
    }

    /// The text to train on.
    pub fn corpus(&self) -> String {
        match use_store().url.read_untracked().corpus {
            Corpus::Toy => toy_text::text(N_PARAGRAPHS),
            Corpus::Pasted => {
                let text = self.text.read_untracked();
                text[..text.floor_char_boundary(MAX_CORPUS)].to_owned()
            }
        }
    }

    /// Begins a run with the knobs as they stand.
    pub fn train(&'static self) {
        self.begin(None);
    }

    /// Goes on with a run that was saved; a text that it trains on is the one that stands in the Lab.
    pub fn open(&'static self, file: &JsValue) {
        self.begin(Some(file));
    }

    fn begin(&'static self, file: Option<&JsValue>) {
        let store = use_store();
        let choice = self.choice.get_untracked();
        self.fault.set(None);
        let lab = self;
        let started = host::start_lab(
            move |message, data| receive(lab, message, &data),
            move |why| {
                // What hears this cannot be dropped while it hears.
                soon(move || lab.lost(&why));
            },
        );
        if let Err(what) = started {
            let advice = "Reload the page.".to_owned();
            return self.fault.set(Some(LabFault { what, advice, field: None }));
        }
        let run = self.runs.read_untracked().last().map_or(0, |run| run.run) + 1;
        let text = (choice.is_text() || file.is_some()).then(|| self.corpus());
        let (query, engine) = (choice.to_query(), store.url.read_untracked().engine);
        self.forget();
        self.phase.set(Some(Phase::Starting));
        self.runs.update(|runs| {
            // One that never began leaves nothing to compare with.
            runs.retain(|run| !run.points.is_empty());
            runs.push(Arc::new(Run { run, choice, ..Run::default() }));
        });
        store.said.set("The run begins".into());
        let job = TrainJob { run, query, text, engine };
        match file {
            Some(file) => host::post_lab_with(&ToLab::Open(job), file),
            None => host::post_lab(&ToLab::Train(job)),
        }
    }

    /// Ends the run and frees what it holds; its curves stay.
    pub fn stop(&self) {
        host::end_lab();
        self.phase.set(None);
        self.engine.set(None);
        self.kept.set(Vec::new());
    }

    /// Says something to the worker.
    pub fn post(&self, message: &ToLab) {
        host::post_lab(message);
    }

    /// Another learning rate for the run.
    pub fn set_rate(&self, rate: f32) {
        self.rate.set(rate);
        self.post(&ToLab::Rate(rate));
    }

    /// Goes on after the loss was no number, at half the rate.
    pub fn go_on_slower(&self) {
        self.set_rate(self.rate.get_untracked() / 2.0);
        self.post(&ToLab::Resume);
    }

    /// Shows other values.
    pub fn look_at(&self, look: Look) {
        self.look.set(look);
        self.post(&ToLab::Look(Some(look)));
    }

    /// Whether the worker has a run.
    pub fn has_run(&self) -> bool {
        (*self.phase.read()).is_some_and(|phase| phase != Phase::Starting)
    }

    /// What belonged to the run before.
    fn forget(&self) {
        self.wrote.set(Wrote::default());
        self.probes.set(Vec::new());
        self.scrubbed.set(None);
        self.kept.set(Vec::new());
        self.heat.set(Heat::default());
    }

    /// The worker is gone.
    fn lost(&self, why: &str) {
        self.stop();
        if self.fault.read_untracked().is_none() {
            self.fault.set(Some(LabFault {
                what: format!("The training stopped: {why}"),
                advice: "Train again, with a smaller model or batch if memory was short.".into(),
                field: None,
            }));
        }
    }

    /// Changes the current run, if it is the one that is spoken of.
    fn change(&self, run: RunNo, change: impl FnOnce(&mut Run)) {
        self.runs.update(|runs| {
            if let Some(current) = runs.last_mut().filter(|current| current.run == run) {
                change(Arc::make_mut(current));
            }
        });
    }
}

/// Applies what the worker says. What is about an older run is dropped.
fn receive(lab: Lab, message: FromLab, attachment: &JsValue) {
    let now = lab.runs.read_untracked().last().map_or(0, |run| run.run);
    match message {
        FromLab::Fault(mut fault) => {
            fault.what = in_titles(&fault.what);
            use_store().said.set(fault.what.clone());
            lab.fault.set(Some(fault));
            if lab.phase.get_untracked() == Some(Phase::Starting) {
                lab.phase.set(None);
                lab.runs.update(|runs| runs.retain(|run| !run.points.is_empty()));
            }
        }
        FromLab::Engine(info) => lab.engine.set(Some(info)),
        FromLab::Begun(facts) if facts.run == now => {
            lab.rate.set(facts.rate);
            if lab.look.read_untracked().parameter as usize >= facts.parameters.len() {
                lab.look.set(Look::default());
            }
            lab.post(&ToLab::Look(Some(lab.look.get_untracked())));
            if facts.n_done > 0 {
                // The knobs are those of the run that was opened.
                let choice = Choice::from_query(&facts.query);
                lab.set_choice(choice.clone());
                lab.change(now, |run| run.choice = choice);
            }
            lab.change(now, |run| run.facts = *facts);
        }
        FromLab::Went(went) if went.run == now => lab.change(now, |run| run.went(went)),
        FromLab::Wrote(wrote) if wrote.run == now => lab.wrote.set(wrote),
        FromLab::Looked(looked) if looked.run == now => looked_at(lab, looked, attachment),
        FromLab::Values(values) if values.run == now => {
            if values.look == lab.look.get_untracked() {
                let floats = host::floats(attachment).into();
                lab.heat.set(Heat { values, floats });
            }
        }
        FromLab::Kept { run, steps } if run == now => lab.kept.set(steps),
        FromLab::Rewound { run, step, rate } if run == now => {
            lab.rate.set(rate);
            lab.change(now, |run| run.rewind(step));
            lab.probes.update(|probes| probes.retain(|probe| probe.looked.step <= step));
            lab.scrubbed.set(None);
        }
        FromLab::Phase { run, phase } if run == now => {
            if let Some(words) = words(phase) {
                use_store().said.set(words.into());
            }
            lab.phase.set(Some(phase));
        }
        FromLab::Saved { file_name } => {
            crate::parts::export::save(&file_name, "application/octet-stream", attachment);
        }
        FromLab::Model => open_in_explorer(use_store(), attachment),
        FromLab::Begun(_)
        | FromLab::Went(_)
        | FromLab::Wrote(_)
        | FromLab::Looked(_)
        | FromLab::Values(_)
        | FromLab::Kept { .. }
        | FromLab::Rewound { .. }
        | FromLab::Phase { .. } => {}
    }
}

/// What a change of phase says to those who do not see it.
fn words(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Starting | Phase::Running => None,
        Phase::Paused => Some("The run is paused"),
        Phase::Done => Some("The run is done"),
        Phase::Diverged { .. } => Some("The loss is no number any more: the run went back"),
    }
}

fn looked_at(lab: Lab, looked: Looked, attachment: &JsValue) {
    let trace = match Trace::from_safetensors(&host::bytes(attachment)) {
        Ok(trace) => Arc::new(trace),
        Err(err) => return host::log(&err),
    };
    let step = looked.step;
    let mut place = None;
    lab.probes.update(|probes| {
        probes.retain(|probe| probe.looked.step != step);
        // A run that went back looks at an earlier step while those that it lost are still there.
        let at = probes.partition_point(|probe| probe.looked.step < step);
        place = (at < probes.len()).then_some(at);
        probes.insert(at, Arc::new(Probe { looked, trace }));
        if probes.len() > MAX_PROBES {
            // The first stays; the others lie ever further apart.
            let mut at = 0;
            probes.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    });
    if place.is_some() {
        lab.scrubbed.set(place);
    }
}

/// The trained model goes the way of files that are dropped on the page.
fn open_in_explorer(store: Store, files: &JsValue) {
    if files.dyn_ref::<js_sys::Array>().is_none() {
        return;
    }
    store.choose(|url| url.place = Place::Explorer);
    store.load_with(ModelSource::Files, files);
}
