//! The size of an element as a signal.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

use crate::parts::dom::{El, keep, soon, window};
use crate::state::cell::Var;

/// Width and height inside an element's padding; zeros until it is on the page.
pub fn use_size(element: &El) -> Var<(f64, f64)> {
    let size = Var::new((0.0, 0.0));
    let element = element.element();
    let watched = element.clone();
    let measured = element.clone();
    soon(move || measure(&measured, size));
    let callback = Closure::<dyn FnMut()>::new(move || measure(&watched, size));
    if let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) {
        observer.observe(element);
        keep(Box::new(Observer { observer, _callback: callback }));
    }
    size
}

fn measure(element: &Element, size: Var<(f64, f64)>) {
    let now = (f64::from(element.client_width()), f64::from(element.client_height()));
    size.try_set_other(now);
}

/// Observes until it is dropped.
struct Observer {
    observer: ResizeObserver,
    _callback: Closure<dyn FnMut()>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Device pixels a CSS pixel, at most 3.
pub fn pixel_ratio() -> f64 {
    window().device_pixel_ratio().clamp(1.0, 3.0)
}
