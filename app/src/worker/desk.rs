//! Where the page's messages wait for the loop that does them.
//!
//! Everything is a slot that the last writer wins: a new text replaces one that has not run yet,
//! and cancels the one that runs. No borrow lives across an await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::{Function, Promise};
use vitrine_kernels::Control;
use wasm_bindgen::JsValue;

use super::load::Arrival;
use crate::protocol::{
    Attention, ChangeAsk, EngineChoice, GenerateJob, RunJob, WallCommand, Wants, WeightsAsk,
};

/// What the loop does next.
pub(super) enum Task {
    /// Start or change the engine.
    Engine(EngineChoice),
    /// Free the model, then call back.
    Release(Function),
    /// A load is complete.
    Arrived(Arrival),
    /// Something about a wall, with its canvas.
    Wall(Attention, WallCommand, JsValue),
    /// Run a text.
    Run(RunJob),
    /// Continue the text.
    Generate(GenerateJob),
    /// Answer what the panels need now.
    Want,
    /// A comparison or an export.
    Errand(Errand),
    /// Show a matrix of the weights.
    Weights(WeightsAsk),
}

/// Work that a click asks for; done in order.
pub(super) enum Errand {
    /// Compare sentences.
    Compare(Vec<String>),
    /// Compare the engines.
    CompareEngines,
    /// Make a file.
    Export(Vec<String>),
    /// Mask each token in turn.
    MaskEach,
    /// Back to the model.
    CloseRecorded,
    /// Look at the model with something of it changed.
    Change(ChangeAsk),
}

#[derive(Default)]
struct Inbox {
    engine: Option<EngineChoice>,
    release: Option<Function>,
    arrived: Option<Arrival>,
    wall: VecDeque<(Attention, WallCommand, JsValue)>,
    run: Option<RunJob>,
    generate: Option<GenerateJob>,
    want: bool,
    weights: Option<WeightsAsk>,
    errands: VecDeque<Errand>,
}

/// The desk.
pub(super) struct Desk {
    inbox: RefCell<Inbox>,
    waker: RefCell<Option<Waker>>,
    /// Of the run in progress.
    control: RefCell<Control>,
    /// What the panels need; read when a run answers.
    wants: RefCell<Wants>,
    /// Whether the first engine is there.
    started: Cell<bool>,
}

impl Desk {
    /// An empty desk; runs pause as `control` does.
    pub fn new(control: Control) -> Self {
        Self {
            inbox: RefCell::default(),
            waker: RefCell::default(),
            control: RefCell::new(control),
            wants: RefCell::default(),
            started: Cell::new(false),
        }
    }

    /// A fresh control for the next run, which later messages cancel.
    pub fn begin(&self) -> Control {
        let control = self.control.borrow().renewed();
        *self.control.borrow_mut() = control.clone();
        control
    }

    /// A control that no message cancels.
    pub fn apart(&self) -> Control {
        self.control.borrow().renewed()
    }

    /// Stops the run in progress.
    pub fn cancel(&self) {
        self.control.borrow().cancel();
    }

    /// What the panels need.
    pub fn wants(&self) -> Wants {
        self.wants.borrow().clone()
    }

    /// Whether the first engine is there.
    pub fn is_started(&self) -> bool {
        self.started.get()
    }

    /// The first engine is there.
    pub fn set_started(&self) {
        self.started.set(true);
    }

    /// Start or change the engine.
    pub fn engine(&self, choice: EngineChoice) {
        self.cancel();
        self.put(|inbox| inbox.engine = Some(choice));
    }

    /// Run a text, in place of all that runs or waits to.
    pub fn run(&self, job: RunJob) {
        self.cancel();
        self.put(|inbox| {
            inbox.generate = None;
            inbox.run = Some(job);
        });
    }

    /// Run a text once more, unless another one came meanwhile.
    pub fn run_again(&self, job: RunJob) {
        self.put(|inbox| {
            inbox.run.get_or_insert(job);
        });
    }

    /// Continue the text.
    pub fn generate(&self, job: GenerateJob) {
        self.put(|inbox| inbox.generate = Some(job));
    }

    /// Stop what runs or waits to.
    pub fn stop(&self) {
        self.cancel();
        self.put(|inbox| inbox.generate = None);
    }

    /// The panels need something else.
    pub fn want(&self, wants: Wants) {
        *self.wants.borrow_mut() = wants;
        self.put(|inbox| inbox.want = true);
    }

    /// What was wanted is being answered.
    pub fn answering_wants(&self) {
        self.inbox.borrow_mut().want = false;
    }

    /// Something about the wall.
    pub fn wall(&self, of: Attention, command: WallCommand, canvas: JsValue) {
        self.put(|inbox| inbox.wall.push_back((of, command, canvas)));
    }

    /// A comparison or an export; other sentences replace those that still wait.
    pub fn errand(&self, errand: Errand) {
        let is_compare = |errand: &Errand| matches!(errand, Errand::Compare(_));
        self.put(|inbox| {
            if is_compare(&errand) {
                inbox.errands.retain(|waiting| !is_compare(waiting));
            }
            inbox.errands.push_back(errand);
        });
    }

    /// Look at a matrix.
    pub fn weights(&self, ask: WeightsAsk) {
        self.put(|inbox| inbox.weights = Some(ask));
    }

    /// A load is complete.
    pub fn arrived(&self, arrival: Arrival) {
        self.cancel();
        self.put(|inbox| inbox.arrived = Some(arrival));
    }

    /// Resolves when the loop has freed the model.
    pub async fn release(&self) {
        self.cancel();
        let promise = Promise::new(&mut |resolve, _| {
            self.put(|inbox| inbox.release = Some(resolve));
        });
        let _released = promise.await;
    }

    /// Whether commands for a wall wait.
    pub fn has_painting(&self, of: Attention) -> bool {
        self.inbox.borrow().wall.iter().any(|command| command.0 == of)
    }

    /// The next thing to do, when there is one.
    pub async fn next(self: &Rc<Self>) -> Task {
        std::future::poll_fn(|context| {
            if let Some(task) = self.take() {
                return Poll::Ready(task);
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The next thing to do, if there is one already.
    pub fn take(&self) -> Option<Task> {
        let mut inbox = self.inbox.borrow_mut();
        if let Some(choice) = inbox.engine.take() {
            return Some(Task::Engine(choice));
        }
        if let Some(done) = inbox.release.take() {
            return Some(Task::Release(done));
        }
        if let Some(loaded) = inbox.arrived.take() {
            return Some(Task::Arrived(loaded));
        }
        if let Some((of, command, canvas)) = inbox.wall.pop_front() {
            return Some(Task::Wall(of, command, canvas));
        }
        if let Some(job) = inbox.run.take() {
            return Some(Task::Run(job));
        }
        if let Some(job) = inbox.generate.take() {
            return Some(Task::Generate(job));
        }
        if std::mem::take(&mut inbox.want) {
            return Some(Task::Want);
        }
        if let Some(ask) = inbox.weights.take() {
            return Some(Task::Weights(ask));
        }
        inbox.errands.pop_front().map(Task::Errand)
    }

    fn put(&self, write: impl FnOnce(&mut Inbox)) {
        write(&mut self.inbox.borrow_mut());
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(run: u32) -> RunJob {
        let (masks, chat) = (Vec::new(), Vec::new());
        RunJob { run, text: String::new(), pair: None, masks, chat, target: None }
    }

    #[test]
    fn the_last_text_wins_and_cancels() {
        let desk = Rc::new(Desk::new(Control::default()));
        let control = desk.begin();
        desk.run(job(1));
        assert!(control.check().is_err());
        desk.generate(GenerateJob { run: 1, n_tokens: 1, sampling: Default::default() });
        desk.run(job(2));
        assert!(matches!(desk.take(), Some(Task::Run(job)) if job.run == 2));
        assert!(desk.take().is_none(), "the continuation of the old text is gone");
        assert!(desk.begin().check().is_ok(), "the next run is not cancelled");
    }

    #[test]
    fn a_continuation_waits_for_its_text() {
        let desk = Rc::new(Desk::new(Control::default()));
        desk.run(job(1));
        desk.generate(GenerateJob { run: 1, n_tokens: 1, sampling: Default::default() });
        assert!(matches!(desk.take(), Some(Task::Run(_))));
        assert!(matches!(desk.take(), Some(Task::Generate(_))));
        desk.generate(GenerateJob { run: 1, n_tokens: 1, sampling: Default::default() });
        desk.stop();
        assert!(desk.take().is_none());
    }

    #[test]
    fn only_the_last_sentences_are_compared() {
        let desk = Rc::new(Desk::new(Control::default()));
        for text in ["a", "b"] {
            desk.errand(Errand::Compare(vec![text.into()]));
            desk.errand(Errand::CompareEngines);
        }
        let tasks: Vec<_> = std::iter::from_fn(|| desk.take()).collect();
        assert!(matches!(
            tasks[..],
            [
                Task::Errand(Errand::CompareEngines),
                Task::Errand(Errand::Compare(_)),
                Task::Errand(Errand::CompareEngines)
            ]
        ));
    }
}
