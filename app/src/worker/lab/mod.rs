//! The Lab's worker: one run in training at a time, on an engine of its own, so that the Explorer
//! and the page go on meanwhile.
//!
//! One loop owns the run. Messages wait on a [`desk`] and are taken between two steps; a step gives
//! way to the browser every few milliseconds, so that they can arrive.

mod bench;
mod boxes;
mod course;
mod desk;
mod kept;
mod look;
mod pieces;
mod tell;

use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use super::hear::hear;
use super::tick;
use super::tokenizer::TokenizerHost;
use bench::Bench;
use desk::Desk;

/// Starts the worker: from now on messages are heard. `open_tokenizer` starts the tokenizer's module, which
/// vocabularies of pieces need.
///
/// # Errors
/// If the browser has no message channels.
pub fn start(open_tokenizer: Function) -> Result<(), JsValue> {
    let ticker = Rc::new(tick::Ticker::new()?);
    let desk = Rc::new(Desk::default());
    let tokenizers = Rc::new(TokenizerHost::new(open_tokenizer));
    spawn_local(Bench::new(Rc::clone(&desk), tick::control(&ticker), tokenizers).work());
    hear(
        move |message, attachment| desk.put(message, attachment),
        |what, advice| tell::fault(what, advice),
    )
}

/// Tells the page why the worker is about to trap.
pub fn report_panic(what: &str) {
    tell::fault(
        format!("The training stopped: {what}"),
        "The curves are kept. Train again, with a smaller model or batch if memory was short.",
    );
}
