//! The page's side of the worker: the only boundary across which the page waits for anything.
//! `boot.js` makes workers (their addresses go through its Trusted Types policy).

use std::cell::OnceCell;

use js_sys::{Array, ArrayBuffer, Float32Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::protocol::{FromWorker, ToWorker};
use crate::wire;

thread_local! {
    static WORKER: OnceCell<Worker> = const { OnceCell::new() };
}

/// Starts the worker. Hears what it says, and when it fails to start or traps.
///
/// # Errors
/// In words, if there is no worker to be had.
pub fn start(
    mut on_message: impl FnMut(FromWorker, JsValue) + 'static,
    mut on_failure: impl FnMut(String) + 'static,
) -> Result<(), String> {
    let worker = call_boot("newWorker", &[])?
        .dyn_into::<Worker>()
        .map_err(|_| "boot.js made something else than a worker".to_owned())?;
    let on_data = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        match wire::unpack(&event.unchecked_into::<MessageEvent>().data()) {
            Ok((message, attachment)) => on_message(message, attachment),
            Err(err) => log(&format!("from the worker: {err}")),
        }
    });
    worker.set_onmessage(Some(on_data.as_ref().unchecked_ref()));
    on_data.forget();
    let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let event: ErrorEvent = event.unchecked_into();
        event.prevent_default();
        on_failure(event.message());
    });
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget();
    WORKER.with(|kept| kept.set(worker)).map_err(|_| "the worker runs already".to_owned())
}

/// Sends a message.
pub fn post(message: &ToWorker) {
    post_with(message, &JsValue::UNDEFINED, &[]);
}

/// Sends a message with an attachment, of which some parts are handed over.
pub fn post_with(message: &ToWorker, attachment: &JsValue, transfer: &[&JsValue]) {
    let parts: Array = transfer.iter().collect();
    let sent = wire::pack(message, attachment).and_then(|data| {
        WORKER.with(|worker| match worker.get() {
            Some(worker) => worker.post_message_with_transfer(&data, &parts).map_err(in_words),
            None => Err("there is no worker".to_owned()),
        })
    });
    if let Err(err) = sent {
        log(&format!("to the worker: {err}"));
    }
}

/// Tells whoever looks at the browser's console.
pub fn log(words: &str) {
    web_sys::console::error_1(&words.into());
}

/// Calls a function that boot.js left for the page.
///
/// # Errors
/// In words, if there is none or it throws.
pub fn call_boot(name: &str, args: &[JsValue]) -> Result<JsValue, String> {
    let boot = Reflect::get(&js_sys::global(), &"vitrine".into()).map_err(in_words)?;
    let function = Reflect::get(&boot, &name.into()).map_err(in_words)?;
    let function: &Function = function.dyn_ref().ok_or_else(|| format!("boot.js has no {name}"))?;
    Reflect::apply(function, &boot, &args.iter().collect::<Array>()).map_err(in_words)
}

/// What was thrown, as its own words.
fn in_words(thrown: JsValue) -> String {
    thrown.unchecked_ref::<Object>().to_string().into()
}

/// The bytes of an attachment; none if it is no buffer.
pub fn bytes(attachment: &JsValue) -> Vec<u8> {
    match attachment.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Uint8Array::new(buffer).to_vec(),
        None => attachment.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default(),
    }
}

/// The attachment as f32.
pub fn floats(attachment: &JsValue) -> Vec<f32> {
    match attachment.dyn_ref::<ArrayBuffer>() {
        Some(buffer) if buffer.byte_length() % 4 == 0 => Float32Array::new(buffer).to_vec(),
        Some(_) => Vec::new(),
        None => attachment.dyn_ref::<Float32Array>().map(Float32Array::to_vec).unwrap_or_default(),
    }
}
