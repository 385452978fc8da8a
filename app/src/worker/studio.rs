//! The loop that owns the model, and what it remembers between two messages.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use js_sys::Function;
use vitrine_kernels::EngineError;
use vitrine_models::{Input, ModelError, Session, Trace};
use wasm_bindgen::JsValue;

use super::cancel::Stop;
use super::desk::{Desk, Errand, Task};
use super::gather::Gathered;
use super::js;
use super::load::{Arrival, Loaded, Loader, engine_fault};
use super::playback::Playback;
use super::post::{fault, post};
use super::tokenizer::Tokenizer;
use super::wall::Walls;
use super::weights::Weights;
use crate::protocol::{
    EngineChoice, Fault, FaultPlace, FromWorker, RunId, RunJob, RunReport, TokenView, Wants,
};

/// A quiet time after which the sums of all pattern rows are checked.
const QUIET_MS: u32 = 250;
/// A second loss of the device within this time means the CPU engine.
const LOSS_WINDOW_MS: f64 = 60_000.0;

/// What the loop owns.
pub(super) struct Studio {
    pub desk: Rc<Desk>,
    pub loader: Rc<Loader>,
    pub loaded: Option<Loaded>,
    pub walls: Walls,
    /// The last text that was asked for.
    pub job: Option<RunJob>,
    /// The last run that was completed.
    pub last: Option<LastRun>,
    /// When the device was lost last.
    lost_at: Option<f64>,
    /// The recorded run that is shown in place of the model.
    pub playback: Option<Box<Playback>>,
    /// The matrix that was looked at last.
    pub weights: Option<Weights>,
    /// Whether there was a model, and it could not be kept.
    pub is_bereft: bool,
}

/// A completed run.
pub(super) struct LastRun {
    /// The page's count.
    pub run: RunId,
    /// What went in.
    pub input: Input,
    /// What the page was shown.
    pub views: Vec<TokenView>,
    /// How it went.
    pub report: RunReport,
    /// Whether the sums of pattern rows were checked.
    pub is_checked: bool,
    /// Hooks that came with the run.
    pub read: Trace,
    /// What the panels were sent of it: none of that goes twice.
    pub sent: Option<Wants>,
}

impl Studio {
    /// A studio without a model.
    pub fn new(desk: Rc<Desk>, loader: Rc<Loader>) -> Self {
        let walls = Walls::default();
        Self {
            desk,
            loader,
            loaded: None,
            walls,
            job: None,
            last: None,
            lost_at: None,
            playback: None,
            weights: None,
            is_bereft: false,
        }
    }

    /// Does what comes, forever.
    pub async fn work(mut self) {
        loop {
            if self.weights.as_ref().is_some_and(Weights::is_working) {
                match self.desk.take() {
                    Some(task) => self.act(task).await,
                    None => self.go_on_with_weights().await,
                }
                continue;
            }
            let is_checked = self.last.as_ref().is_none_or(|last| last.is_checked);
            let task = if is_checked {
                self.desk.next().await
            } else {
                match before(self.desk.next(), js::sleep(QUIET_MS)).await {
                    Some(task) => task,
                    None => {
                        self.check_rows().await;
                        continue;
                    }
                }
            };
            self.act(task).await;
        }
    }

    async fn act(&mut self, task: Task) {
        match task {
            Task::Engine(choice) => self.use_engine(choice).await,
            Task::Release(done) => self.release(&done),
            Task::Arrived(Arrival::Model(loaded)) => self.move_in(*loaded).await,
            Task::Arrived(Arrival::Run(playback)) => self.open_recorded(playback).await,
            Task::Wall(of, command, canvas) => self.paint(of, command, &canvas).await,
            Task::Run(job) => self.run(job).await,
            Task::Generate(job) => self.generate(job).await,
            Task::Want => self.answer_wants().await,
            Task::Weights(ask) => self.show_weights(&ask).await,
            Task::Errand(Errand::Compare(texts)) => self.compare(texts).await,
            Task::Errand(Errand::CompareEngines) => self.compare_engines().await,
            Task::Errand(Errand::Export(hooks)) => self.export(&hooks).await,
            Task::Errand(Errand::MaskEach) => self.mask_each().await,
            Task::Errand(Errand::CloseRecorded) => self.close_recorded().await,
            Task::Errand(Errand::Change(ask)) => self.change(ask).await,
        }
    }

    async fn use_engine(&mut self, choice: EngineChoice) {
        self.choose(choice).await;
        if !self.desk.is_started() {
            self.desk.set_started();
            self.loader.offer().await;
            return;
        }
        if self.rebuild().await
            && let Some(job) = self.job.clone()
        {
            self.run(job).await;
        }
    }

    fn release(&mut self, done: &Function) {
        self.clear_out();
        self.is_bereft = true;
        self.loader.held.set(0);
        let _ignored = done.call0(&JsValue::UNDEFINED);
    }

    async fn move_in(&mut self, loaded: Loaded) {
        self.clear_out();
        self.playback = None;
        self.loader.held.set(loaded.session.engine().bytes_held());
        post(&FromWorker::Loaded(Box::new(loaded.card.clone())));
        self.loaded = Some(loaded);
        self.is_bereft = false;
        self.walls.leave_engine(self.loader.engines.is_gpu());
        self.repaint().await;
    }

    /// Frees the model.
    fn clear_out(&mut self) {
        self.last = None;
        self.weights = None;
        if let Some(loaded) = self.loaded.take() {
            free(loaded.session);
        }
    }

    /// Loads the model again into a fresh engine of the kind that is chosen now; where the GPU
    /// cannot take it, into the CPU engine. Returns whether there is a model afterwards.
    async fn rebuild(&mut self) -> bool {
        let Some(loaded) = self.loaded.take() else { return false };
        self.last = None;
        // One copy of the weights at a time.
        let Loaded { session, tokenizer, gathered, .. } = loaded;
        free(session);
        self.loader.held.set(0);
        let mut outcome = self.reload(&gathered, &tokenizer).await;
        if let Err(Stop::Fault(problem)) = &outcome
            && self.loader.engines.is_gpu()
        {
            post(&FromWorker::Fault(Fault { place: FaultPlace::Engine, ..problem.clone() }));
            self.fall_back("The GPU could not take the model");
            outcome = self.reload(&gathered, &tokenizer).await;
        }
        match outcome {
            Ok(loaded) => {
                self.loader.held.set(loaded.session.engine().bytes_held());
                self.loaded = Some(loaded);
                self.walls.leave_engine(self.loader.engines.is_gpu());
                true
            }
            Err(stop) => {
                self.is_bereft = true;
                if let Stop::Fault(problem) = stop {
                    post(&FromWorker::Fault(problem));
                }
                false
            }
        }
    }

    async fn reload(&self, gathered: &Gathered, tokenizer: &Rc<Tokenizer>) -> Result<Loaded, Stop> {
        // Cancelling a run must not leave the page without its model.
        let control = self.desk.apart();
        let engine = self.loader.engines.make().await.map_err(engine_fault)?;
        self.loader.reload(engine, gathered, tokenizer, &control).await
    }

    async fn choose(&self, choice: EngineChoice) {
        let info = self.loader.engines.choose(choice).await;
        post(&FromWorker::Engine(info));
    }

    fn fall_back(&self, why: &str) {
        post(&FromWorker::Engine(self.loader.engines.fall_back(why)));
    }

    /// Deals with an error of a run. Returns whether to run again: after the first loss of the
    /// device on a fresh one, after a second within a minute on the CPU, and there too after a
    /// shader that the driver refuses.
    pub async fn mend(&mut self, err: &ModelError) -> bool {
        let on_gpu = self.loader.engines.is_gpu();
        match err {
            ModelError::Engine(EngineError::DeviceLost(why)) if on_gpu => {
                // Some drivers die of the first picture; its values can be read back.
                self.walls.refuse_gpu();
                let now = js::now();
                let is_second = self.lost_at.is_some_and(|then| now - then < LOSS_WINDOW_MS);
                self.lost_at = Some(now);
                if is_second {
                    fault(
                        FaultPlace::Engine,
                        format!("The GPU was lost twice within a minute ({why})"),
                        "The CPU engine goes on with the same text. Choose the GPU engine again \
                         once the driver has settled, or reload the page.",
                    );
                    self.fall_back("The GPU was lost twice within a minute");
                } else {
                    self.choose(self.loader.engines.choice()).await;
                }
                self.rebuild().await
            }
            ModelError::Engine(EngineError::Shader { .. }) if on_gpu => {
                let advice = "The CPU engine goes on with the same text. A newer browser or driver \
                              may take the shader.";
                fault(FaultPlace::Engine, err.to_string(), advice);
                self.fall_back("The GPU's driver refused a shader");
                self.rebuild().await
            }
            err => {
                if !err.is_cancelled() {
                    fault(FaultPlace::Run, err.to_string(), advice_for(err));
                }
                false
            }
        }
    }
}

/// Frees a session with its weights; buffers of a GPU would else wait for the garbage collector.
pub(super) fn free(session: Session) {
    let (mut engine, _model) = session.into_engine();
    engine.clear();
}

/// What to do about an error of a run.
pub(super) fn advice_for(err: &ModelError) -> &'static str {
    match err {
        ModelError::Engine(EngineError::OutOfMemory { .. }) => {
            "Shorten the text, close other tabs, or take a smaller model. The page goes on."
        }
        ModelError::Engine(EngineError::TooLarge { .. }) => {
            "Shorten the text, or choose the CPU engine."
        }
        _ => "Change the text, or reload the page.",
    }
}

/// The outcome of `work`, unless `limit` is over first.
async fn before<T>(work: impl Future<Output = T>, limit: impl Future<Output = ()>) -> Option<T> {
    let (mut work, mut limit) = (pin!(work), pin!(limit));
    std::future::poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        limit.as_mut().poll(context).map(|()| None)
    })
    .await
}
