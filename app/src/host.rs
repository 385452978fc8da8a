//! The page's side of the worker: the only boundary across which the page waits for anything.
//! `boot.js` makes workers (their addresses go through its Trusted Types policy).

use js_sys::{Array, ArrayBuffer, Float32Array, Function, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::protocol::{FromWorker, ToWorker};
use crate::wire;

/// The worker.
#[derive(Clone)]
pub struct Host {
    worker: Worker,
}

impl Host {
    /// Starts it.
    ///
    /// # Errors
    /// In words, if there is no worker to be had.
    pub fn start() -> Result<Self, String> {
        let worker = call_boot("newWorker", &[])?
            .dyn_into::<Worker>()
            .map_err(|_| "boot.js made something else than a worker".to_owned())?;
        Ok(Self { worker })
    }

    /// Hears what the worker says, and when it fails to start or traps.
    pub fn listen(
        &self,
        mut on_message: impl FnMut(FromWorker, JsValue) + 'static,
        mut on_failure: impl FnMut(String) + 'static,
    ) {
        let on_data =
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| match wire::unpack(
                &event.data(),
            ) {
                Ok((message, attachment)) => on_message(message, attachment),
                Err(err) => leptos::logging::error!("from the worker: {err}"),
            });
        self.worker.set_onmessage(Some(on_data.as_ref().unchecked_ref()));
        on_data.forget();
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            event.prevent_default();
            on_failure(event.message());
        });
        self.worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        on_error.forget();
    }

    /// Sends a message.
    pub fn post(&self, message: &ToWorker) {
        self.post_with(message, &JsValue::UNDEFINED, &[]);
    }

    /// Sends a message with an attachment, of which some parts are handed over.
    pub fn post_with(&self, message: &ToWorker, attachment: &JsValue, transfer: &[&JsValue]) {
        let parts = Array::new();
        for part in transfer {
            parts.push(part);
        }
        let sent = wire::pack(message, attachment).and_then(|data| {
            self.worker.post_message_with_transfer(&data, &parts).map_err(|err| format!("{err:?}"))
        });
        if let Err(err) = sent {
            leptos::logging::error!("to the worker: {err}");
        }
    }
}

/// Calls a function that boot.js left for the page.
///
/// # Errors
/// In words, if there is none or it throws.
pub fn call_boot(name: &str, args: &[JsValue]) -> Result<JsValue, String> {
    let in_words = |err: JsValue| format!("{err:?}");
    let boot = Reflect::get(&js_sys::global(), &"vitrine".into()).map_err(in_words)?;
    let function = Reflect::get(&boot, &name.into()).map_err(in_words)?;
    let function: &Function = function.dyn_ref().ok_or_else(|| format!("boot.js has no {name}"))?;
    Reflect::apply(function, &boot, &args.iter().collect::<Array>()).map_err(in_words)
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
