//! Small bridges to the worker's global scope.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

/// The worker's global scope.
pub(super) fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// A property, or `undefined` where there is none.
pub(super) fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Calls a method by name, for objects that web-sys cannot know.
pub(super) fn call(object: &JsValue, method: &str, args: &[&JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = get(object, method).dyn_into()?;
    method.apply(object, &args.iter().map(|&arg| arg.clone()).collect::<js_sys::Array>())
}

/// What a thrown value says.
pub(super) fn words(thrown: &JsValue) -> String {
    let message = get(thrown, "message").as_string();
    message.or_else(|| thrown.as_string()).unwrap_or_else(|| format!("{thrown:?}"))
}

/// The name of a thrown `DOMException` or `Error`.
pub(super) fn name_of(thrown: &JsValue) -> String {
    get(thrown, "name").as_string().unwrap_or_default()
}

/// Waits.
pub(super) async fn sleep(ms: u32) {
    let _done = sleeping(ms).await;
}

/// A promise that resolves to `undefined` after `ms`.
pub(super) fn sleeping(ms: u32) -> Promise {
    Promise::new(&mut |resolve, _| {
        // Without a timer (no browser lacks one) the wait ends at once.
        let set_timeout: Result<Function, _> = get(&js_sys::global(), "setTimeout").dyn_into();
        let timer = set_timeout
            .and_then(|set| set.call2(&JsValue::UNDEFINED, &resolve, &JsValue::from(ms)));
        if timer.is_err() {
            let _ignored = resolve.call0(&JsValue::UNDEFINED);
        }
    })
}

/// Milliseconds on a clock that never goes back.
pub(super) fn now() -> f64 {
    scope().performance().map_or(0.0, |clock| clock.now())
}
