//! The worker: models, engines and the tokenizer live here, away from the page.
//!
//! Messages are put on a [`desk`]; one loop takes them from there, one at a time, and owns the
//! model, so that nothing is borrowed while something is awaited. Loads run beside the loop and
//! leave what they made on the desk.

mod cache;
mod cancel;
mod card;
mod change;
mod chat;
mod desk;
mod engines;
mod errands;
mod fetch;
mod gather;
mod hear;
mod http;
mod hub;
mod js;
pub mod lab;
mod load;
mod masked;
mod memory;
mod pair;
mod playback;
mod post;
mod rate;
pub mod room;
mod run;
mod site;
mod source;
mod studio;
mod text;
mod tick;
pub mod tokenizer;
mod wall;
mod weights;

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use vitrine_kernels::Control;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::protocol::{FaultPlace, FromWorker, ModelSource, ToWorker};
use cancel::{Stop, Ticket};
use desk::{Desk, Errand};
use engines::Engines;
use hear::hear;
use load::Loader;
use studio::Studio;
use tokenizer::TokenizerHost;

/// Starts the worker: from now on messages are heard. `open_tokenizer` starts the tokenizer's
/// module and resolves to its exports.
///
/// # Errors
/// If the browser has no message channels.
pub fn start(open_tokenizer: Function) -> Result<(), JsValue> {
    let ticker = Rc::new(tick::Ticker::new()?);
    let control = tick::control(&ticker);
    let desk = Rc::new(Desk::new(control.clone()));
    let tokenizers = Rc::new(TokenizerHost::new(open_tokenizer));
    let loader = Rc::new(Loader::new(Rc::new(Engines::default()), tokenizers));
    spawn_local(Studio::new(Rc::clone(&desk), Rc::clone(&loader)).work());

    let receiver = Receiver { desk, loader, control, ticket: RefCell::default() };
    hear(
        move |message, attachment| receiver.receive(message, attachment),
        |what, advice| post::fault(FaultPlace::Engine, what, advice),
    )
}

/// Tells the page why the worker is about to trap.
pub fn report_panic(what: &str) {
    post::fault(
        FaultPlace::Engine,
        format!("The engine stopped: {what}"),
        "It starts again with the same text. If this comes again, choose another model, and \
         please report the message.",
    );
}

/// Puts messages where they belong.
struct Receiver {
    desk: Rc<Desk>,
    loader: Rc<Loader>,
    control: Control,
    /// Of the load in progress.
    ticket: RefCell<Option<Ticket>>,
}

impl Receiver {
    fn receive(&self, message: ToWorker, attachment: JsValue) {
        match message {
            ToWorker::Start { engine } | ToWorker::UseEngine(engine) => self.desk.engine(engine),
            ToWorker::Load(source) => self.load(source, attachment),
            ToWorker::CancelLoad => self.cancel_load(),
            ToWorker::Run(job) => self.desk.run(job),
            ToWorker::Want(wants) => self.desk.want(wants),
            ToWorker::Generate(job) => self.desk.generate(job),
            ToWorker::Stop => self.desk.stop(),
            ToWorker::Wall { of, command } => self.desk.wall(of, command, attachment),
            ToWorker::Compare { texts } => self.desk.errand(Errand::Compare(texts)),
            ToWorker::CompareEngines => self.desk.errand(Errand::CompareEngines),
            ToWorker::Export { hooks } => self.desk.errand(Errand::Export(hooks)),
            ToWorker::MaskEach => self.desk.errand(Errand::MaskEach),
            ToWorker::Weights(ask) => self.desk.weights(ask),
            ToWorker::CloseRecorded => self.desk.errand(Errand::CloseRecorded),
            ToWorker::Change(ask) => self.desk.errand(Errand::Change(ask)),
        }
    }

    fn cancel_load(&self) {
        let ticket = self.ticket.borrow_mut().take();
        if let Some(ticket) = ticket {
            ticket.cancel();
        }
    }

    fn load(&self, source: ModelSource, attachment: JsValue) {
        self.cancel_load();
        let ticket = Ticket::default();
        *self.ticket.borrow_mut() = Some(ticket.clone());
        let (desk, loader) = (Rc::clone(&self.desk), Rc::clone(&self.loader));
        let control = self.control.renewed();
        spawn_local(async move {
            // The engine is chosen within moments; a load may be asked for before.
            while !desk.is_started() {
                js::sleep(10).await;
            }
            let release = async || desk.release().await;
            match loader.load(source, &attachment, &control, &ticket, release).await {
                Ok(loaded) if ticket.check().is_ok() => desk.arrived(loaded),
                Ok(_) | Err(Stop::Cancelled) => {}
                Err(Stop::Fault(_)) if ticket.check().is_err() => {}
                Err(Stop::Fault(fault)) => post::post(&FromWorker::Fault(fault)),
            }
        });
    }
}
