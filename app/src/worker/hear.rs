//! What the page says, as every worker hears it.

use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;

use super::js;
use crate::wire;

/// From now on `take` gets every message with its attachment; `refuse` says what no message is, and what to do.
///
/// # Errors
/// If the browser has no message channels.
pub(super) fn hear<M: DeserializeOwned + 'static>(
    take: impl Fn(M, JsValue) + 'static,
    refuse: impl Fn(String, &str) + 'static,
) -> Result<(), JsValue> {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match wire::unpack(&event.data()) {
            Ok((message, attachment)) => take(message, attachment),
            Err(problem) => refuse(
                format!("The page and its worker are of different versions ({problem})"),
                "Reload the page.",
            ),
        }
    });
    let listener = on_message.as_ref().unchecked_ref();
    js::scope().add_event_listener_with_callback("message", listener)?;
    // The worker hears as long as it lives.
    on_message.forget();
    Ok(())
}
