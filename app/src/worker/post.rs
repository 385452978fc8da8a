//! From the worker to the page.

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::JsValue;

use super::js;
use crate::protocol::{Fault, FaultPlace, FromWorker};
use crate::wire;

/// Sends a message.
pub(super) fn post(message: &FromWorker) {
    post_with(message, &JsValue::NULL);
}

/// Sends a message with an `ArrayBuffer`, which is handed over without a copy.
pub(super) fn post_buffer(message: &FromWorker, buffer: &js_sys::ArrayBuffer) {
    post_with(message, buffer);
}

/// Sends a message with bytes.
pub(super) fn post_bytes(message: &FromWorker, bytes: &[u8]) {
    post_buffer(message, &js_sys::Uint8Array::from(bytes).buffer());
}

/// Tells the visitor what went wrong and what to do.
pub(super) fn fault(place: FaultPlace, what: impl Into<String>, advice: impl Into<String>) {
    post(&FromWorker::Fault(Fault { place, what: what.into(), advice: advice.into() }));
}

fn post_with(message: &FromWorker, attachment: &JsValue) {
    let transfer = if attachment.is_null() { Array::new() } else { Array::of1(attachment) };
    send(message, attachment, &transfer);
}

/// Sends a message of any protocol with an attachment, of which some parts are handed over.
pub(super) fn send(message: &impl Serialize, attachment: &JsValue, transfer: &Array) {
    let Ok(packed) = wire::pack(message, attachment) else { return };
    // A page that is gone hears nothing, and nobody is left to tell.
    let _sent = js::scope().post_message_with_transfer(&packed, transfer);
}
