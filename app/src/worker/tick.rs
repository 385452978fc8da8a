//! Gives way to the event loop: a message to oneself comes after those that already wait, and
//! without the delay that browsers add to nested timers.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Function, Promise};
use vitrine_kernels::Control;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageChannel, MessagePort};

/// Makes [`Ticker::tick`]s.
pub(super) struct Ticker {
    port: MessagePort,
    waiting: Rc<RefCell<VecDeque<Function>>>,
    _on_message: Closure<dyn FnMut()>,
}

impl Ticker {
    /// Opens the channel.
    pub fn new() -> Result<Self, JsValue> {
        let channel = MessageChannel::new()?;
        let waiting = Rc::new(RefCell::new(VecDeque::<Function>::new()));
        let answered = Rc::clone(&waiting);
        let on_message = Closure::new(move || {
            let resolve = answered.borrow_mut().pop_front();
            if let Some(resolve) = resolve {
                let _ignored = resolve.call0(&JsValue::UNDEFINED);
            }
        });
        channel.port1().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self { port: channel.port2(), waiting, _on_message: on_message })
    }

    /// Resolves when the messages that wait now have been dealt with.
    pub async fn tick(&self) {
        let promise = Promise::new(&mut |resolve, _| {
            self.waiting.borrow_mut().push_back(resolve);
        });
        // A port that is closed would never answer; ours is open as long as the worker.
        if self.port.post_message(&JsValue::NULL).is_ok() {
            let _ticked = promise.await;
        }
    }
}

/// A control whose runs tick every few milliseconds.
pub(super) fn control(ticker: &Rc<Ticker>) -> Control {
    let ticker = Rc::clone(ticker);
    Control::with_pause(Rc::new(move || {
        let ticker = Rc::clone(&ticker);
        Box::pin(async move { ticker.tick().await })
    }))
}
