//! The page's side of its workers: the only boundary across which the page waits for anything.
//! `boot.js` makes workers (their addresses go through its Trusted Types policy). There is one for
//! the Explorer, one for the Lab while that trains, and one for the rooms once one has asked.

use std::cell::{OnceCell, RefCell};

use js_sys::{Array, ArrayBuffer, Float32Array, Function, Object, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::protocol::lab::{FromLab, ToLab};
use crate::protocol::room::{FromRoom, ToRoom};
use crate::protocol::{FromWorker, ToWorker};
use crate::wire;

thread_local! {
    static WORKER: OnceCell<Line> = const { OnceCell::new() };
    static LAB: RefCell<Option<Line>> = const { RefCell::new(None) };
    static ROOM: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// A worker, and what hears it.
struct Line {
    worker: Worker,
    _on_data: Closure<dyn FnMut(JsValue)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Line {
    /// Starts a worker of a name.
    fn open(
        name: &str,
        mut on_data: Box<dyn FnMut(JsValue)>,
        mut on_failure: Box<dyn FnMut(String)>,
    ) -> Result<Self, String> {
        let worker = call_boot("newWorker", &[name.into()])?
            .dyn_into::<Worker>()
            .map_err(|_| "boot.js made something else than a worker".to_owned())?;
        let on_data = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            on_data(event.unchecked_into::<MessageEvent>().data());
        });
        worker.set_onmessage(Some(on_data.as_ref().unchecked_ref()));
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
            let event: ErrorEvent = event.unchecked_into();
            event.prevent_default();
            on_failure(event.message());
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_data: on_data, _on_error: on_error })
    }

    fn send(&self, data: &JsValue, transfer: &Array) -> Result<(), String> {
        self.worker.post_message_with_transfer(data, transfer).map_err(in_words)
    }
}

/// Starts the worker. Hears what it says, and when it fails to start or traps.
///
/// # Errors
/// In words, if there is no worker to be had.
pub fn start(
    mut on_message: impl FnMut(FromWorker, JsValue) + 'static,
    on_failure: impl FnMut(String) + 'static,
) -> Result<(), String> {
    let on_data = move |data: JsValue| match wire::unpack(&data) {
        Ok((message, attachment)) => on_message(message, attachment),
        Err(err) => log(&format!("from the worker: {err}")),
    };
    let line = Line::open("engine", Box::new(on_data), Box::new(on_failure))?;
    WORKER.with(|kept| kept.set(line)).map_err(|_| "the worker runs already".to_owned())
}

/// Sends a message.
pub fn post(message: &ToWorker) {
    post_with(message, &JsValue::UNDEFINED, &[]);
}

/// Sends a message with an attachment, of which some parts are handed over.
pub fn post_with(message: &ToWorker, attachment: &JsValue, transfer: &[&JsValue]) {
    let parts: Array = transfer.iter().collect();
    told(WORKER.with(|line| send(line.get(), message, attachment, &parts)));
}

/// Starts the Lab's worker, where it does not run yet.
///
/// # Errors
/// As [`start`].
pub fn start_lab(
    mut on_message: impl FnMut(FromLab, JsValue) + 'static,
    on_failure: impl FnMut(String) + 'static,
) -> Result<(), String> {
    if LAB.with_borrow(Option::is_some) {
        return Ok(());
    }
    let on_data = move |data: JsValue| match wire::unpack(&data) {
        Ok((message, attachment)) => on_message(message, attachment),
        Err(err) => log(&format!("from the Lab's worker: {err}")),
    };
    let line = Line::open("lab", Box::new(on_data), Box::new(on_failure))?;
    LAB.set(Some(line));
    Ok(())
}

/// Sends a message to the Lab's worker, if it runs.
pub fn post_lab(message: &ToLab) {
    post_lab_with(message, &JsValue::UNDEFINED);
}

/// Sends the Lab's worker a message with something that is copied.
pub fn post_lab_with(message: &ToLab, attachment: &JsValue) {
    told(LAB.with_borrow(|line| send(line.as_ref(), message, attachment, &Array::new())));
}

/// Starts the rooms' worker, where it does not run yet.
///
/// # Errors
/// As [`start`].
pub fn start_room(
    mut on_message: impl FnMut(FromRoom) + 'static,
    on_failure: impl FnMut(String) + 'static,
) -> Result<(), String> {
    if ROOM.with_borrow(Option::is_some) {
        return Ok(());
    }
    let on_data = move |data: JsValue| match wire::unpack(&data) {
        Ok((message, _)) => on_message(message),
        Err(err) => log(&format!("from the room's worker: {err}")),
    };
    let line = Line::open("room", Box::new(on_data), Box::new(on_failure))?;
    ROOM.set(Some(line));
    Ok(())
}

/// Sends a message to the rooms' worker, if it runs.
pub fn post_room(message: &ToRoom) {
    told(ROOM.with_borrow(|line| send(line.as_ref(), message, &JsValue::UNDEFINED, &Array::new())));
}

/// Ends the rooms' worker, whatever it does.
pub fn end_room() {
    if let Some(line) = ROOM.take() {
        line.worker.set_onmessage(None);
        line.worker.terminate();
    }
}

/// Ends the Lab's worker, whatever it does.
pub fn end_lab() {
    if let Some(line) = LAB.take() {
        line.worker.set_onmessage(None);
        line.worker.terminate();
    }
}

fn send(
    line: Option<&Line>,
    message: &impl Serialize,
    attachment: &JsValue,
    transfer: &Array,
) -> Result<(), String> {
    let line = line.ok_or("there is no worker")?;
    line.send(&wire::pack(message, attachment)?, transfer)
}

fn told(sent: Result<(), String>) {
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
