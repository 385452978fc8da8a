//! The rooms' worker: it computes what a room asks for on an engine of its own, one ask after another.
//!
//! A later ask of the same slot takes the place of one that waits, and stops one that runs.

mod align;
mod attention;
mod fast_weights;
mod flash;
mod norms;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::Array;
use vitrine_kernels::{Control, Engine, EngineError};
use vitrine_models::ModelError;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::engines::Engines;
use super::hear::hear;
use super::post::send;
use super::tick;
use crate::protocol::EngineChoice;
use crate::protocol::room::{AskNo, FromRoom, RoomAsk, RoomPart, ToRoom};

/// Starts the worker: from now on messages are heard.
///
/// # Errors
/// If the browser has no message channels.
pub fn start() -> Result<(), JsValue> {
    let ticker = Rc::new(tick::Ticker::new()?);
    let desk = Rc::new(Desk { control: RefCell::new(tick::control(&ticker)), ..Desk::default() });
    spawn_local(work(Rc::clone(&desk)));
    hear(move |message, _| desk.put(message), |what, advice| fault(None, what, advice))
}

/// Tells the page why the worker is about to trap.
pub fn report_panic(what: &str) {
    fault(None, format!("The computation stopped: {what}"), "Turn a knob, or reload the page.");
}

/// What is asked for.
struct Ask {
    no: AskNo,
    slot: String,
    engine: EngineChoice,
    ask: RoomAsk,
}

/// Where asks wait.
#[derive(Default)]
struct Desk {
    waiting: RefCell<VecDeque<Ask>>,
    waker: RefCell<Option<Waker>>,
    /// Of what runs.
    control: RefCell<Control>,
    /// The slot of what runs.
    running: RefCell<Option<String>>,
}

impl Desk {
    fn put(&self, message: ToRoom) {
        let (ToRoom::Ask { slot, .. } | ToRoom::Cancel { slot }) = &message;
        if self.running.borrow().as_ref() == Some(slot) {
            self.control.borrow().cancel();
        }
        self.waiting.borrow_mut().retain(|ask| ask.slot != *slot);
        if let ToRoom::Ask { no, slot, engine, ask } = message {
            self.waiting.borrow_mut().push_back(Ask { no, slot, engine, ask });
        }
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next ask and the control that stops it.
    async fn next(self: &Rc<Self>) -> (Ask, Control) {
        let ask = std::future::poll_fn(|context| {
            let next = self.waiting.borrow_mut().pop_front();
            match next {
                Some(ask) => Poll::Ready(ask),
                None => {
                    *self.waker.borrow_mut() = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
        let control = self.control.borrow().renewed();
        *self.control.borrow_mut() = control.clone();
        *self.running.borrow_mut() = Some(ask.slot.clone());
        (ask, control)
    }
}

async fn work(desk: Rc<Desk>) {
    let engines = Engines::default();
    let mut made: Option<(EngineChoice, Engine)> = None;
    loop {
        let (ask, control) = desk.next().await;
        if made.as_ref().is_none_or(|(choice, _)| *choice != ask.engine) {
            made = None;
            tell(&FromRoom::Engine(engines.choose(ask.engine).await));
            match engines.make().await {
                Ok(engine) => made = Some((ask.engine, engine)),
                Err(err) => error(ask.no, &err.into()),
            }
        }
        let Some((_, engine)) = &mut made else { continue };
        let outcome = match &ask.ask {
            RoomAsk::Align(own) => {
                let part = |part| tell_part(ask.no, RoomPart::Align(part));
                align::answer(engine, own, &part, &control).await
            }
            RoomAsk::Attention(asked) => {
                let part = |part| tell_part(ask.no, RoomPart::Attention(part));
                attention::answer(engine, asked, &part, &control).await
            }
            RoomAsk::FastWeights(fast) => {
                let part = |part| tell_part(ask.no, RoomPart::FastWeights(part));
                fast_weights::answer(engine, fast, &part, &control).await
            }
            RoomAsk::Norms(norms) => {
                let part = |part| tell_part(ask.no, RoomPart::Norms(part));
                norms::answer(engine, norms, &part, &control).await
            }
            RoomAsk::Flash(flash) => {
                let part = |part| tell_part(ask.no, RoomPart::Flash(part));
                flash::answer(engine, flash, &part, &control).await
            }
        };
        *desk.running.borrow_mut() = None;
        match outcome {
            Ok(()) => tell(&FromRoom::Done { no: ask.no }),
            Err(err) => {
                // An engine that failed is not trusted again.
                if !err.is_cancelled() && matches!(err, ModelError::Engine(_)) {
                    made = None;
                }
                error(ask.no, &err);
            }
        }
    }
}

fn tell(message: &FromRoom) {
    send(message, &JsValue::NULL, &Array::new());
}

fn tell_part(no: AskNo, part: RoomPart) {
    tell(&FromRoom::Part { no, part: Box::new(part) });
}

fn fault(no: Option<AskNo>, what: String, advice: &str) {
    tell(&FromRoom::Fault { what, advice: advice.to_owned(), no });
}

/// An ask that failed; one that was stopped has nothing to say.
fn error(no: AskNo, err: &ModelError) {
    let advice = match err {
        _ if err.is_cancelled() => return,
        ModelError::Engine(EngineError::OutOfMemory { .. } | EngineError::TooLarge { .. }) => {
            "Take smaller numbers, or the CPU engine."
        }
        ModelError::Engine(_) => "Try again, or choose the CPU engine.",
        _ => "Turn the knobs, then try again.",
    };
    fault(Some(no), err.to_string(), advice);
}
