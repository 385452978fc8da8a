//! From the Lab's worker to the page.

use js_sys::Array;
use vitrine_kernels::EngineError;
use vitrine_models::ModelError;
use wasm_bindgen::JsValue;

use super::super::post::send;
use crate::protocol::lab::{FromLab, LabFault};

/// Sends a message.
pub(super) fn tell(message: &FromLab) {
    send(message, &JsValue::NULL, &Array::new());
}

/// Sends a message with bytes, which are handed over without a copy.
pub(super) fn tell_bytes(message: &FromLab, bytes: &[u8]) {
    let buffer = js_sys::Uint8Array::from(bytes).buffer();
    send(message, &buffer, &Array::of1(&buffer));
}

/// Sends a message with values.
pub(super) fn tell_floats(message: &FromLab, values: &[f32]) {
    let buffer = js_sys::Float32Array::from(values).buffer();
    send(message, &buffer, &Array::of1(&buffer));
}

/// Sends a message with something that is copied.
pub(super) fn tell_with(message: &FromLab, attachment: &JsValue) {
    send(message, attachment, &Array::new());
}

/// Tells the visitor what went wrong and what to do.
pub(super) fn fault(what: impl Into<String>, advice: impl Into<String>) {
    tell(&FromLab::Fault(LabFault { what: what.into(), advice: advice.into(), field: None }));
}

/// An error of a run, with the knob that it is about.
pub(super) fn error(err: &ModelError) {
    let (field, advice) = match err {
        ModelError::Config { field, .. } => (Some(field.clone()), "Turn the knob, then train."),
        ModelError::Input { .. } => (None, "Change the text or the knobs, then train."),
        ModelError::Engine(EngineError::OutOfMemory { .. } | EngineError::TooLarge { .. }) => {
            (None, "Take a smaller batch, context or width, or the CPU engine.")
        }
        ModelError::Engine(EngineError::DeviceLost(_)) => {
            (None, "The curves are kept. Train again, or choose the CPU engine.")
        }
        err if of_file(err) => (None, "Choose another file, or train from the start."),
        _ => (None, "Change the knobs, or choose the other engine, then train."),
    };
    let what = match err {
        ModelError::Config { field, problem, .. } => format!("{field} {problem}"),
        ModelError::Input { field, problem } => format!("{field} {problem}"),
        err => err.to_string(),
    };
    // Fields and files keep their spelling; all else is a sentence.
    let what = if field.is_none() && !of_file(err) { capital(&what) } else { what };
    tell(&FromLab::Fault(LabFault { what, advice: advice.to_owned(), field }));
}

/// Whether an error is about a file that was opened, and begins with its name.
fn of_file(err: &ModelError) -> bool {
    use ModelError::{
        Io, Limit, Malformed, MissingTensor, Truncated, UnsupportedType, WeightsMismatch, WrongKind,
    };
    matches!(
        err,
        Io { .. }
            | Limit { .. }
            | Malformed { .. }
            | MissingTensor { .. }
            | Truncated { .. }
            | UnsupportedType { .. }
            | WeightsMismatch { .. }
            | WrongKind { .. }
    )
}

/// With a capital at its beginning.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
