//! Entry point of the engine's module: models and kernels, in the worker.

use js_sys::Function;
use vitrine_app::{panic, worker};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts listening to the page. `open_tokenizer` starts the tokenizer's module.
///
/// # Errors
/// If the browser lacks what a worker needs.
#[wasm_bindgen]
pub fn start(open_tokenizer: Function) -> Result<(), JsValue> {
    std::panic::set_hook(Box::new(|info| worker::report_panic(&panic::words(info))));
    worker::start(open_tokenizer)
}

/// The same for the worker of the Lab.
///
/// # Errors
/// As [`start`].
#[wasm_bindgen(js_name = startLab)]
pub fn start_lab(open_tokenizer: Function) -> Result<(), JsValue> {
    std::panic::set_hook(Box::new(|panic| worker::lab::report_panic(&panic.to_string())));
    worker::lab::start(open_tokenizer)
}

/// The same for the worker of the rooms.
///
/// # Errors
/// As [`start`].
#[wasm_bindgen(js_name = startRoom)]
pub fn start_room() -> Result<(), JsValue> {
    std::panic::set_hook(Box::new(|panic| worker::room::report_panic(&panic.to_string())));
    worker::room::start()
}

fn main() {}
