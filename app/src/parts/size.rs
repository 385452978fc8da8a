//! The size of an element as a signal.

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, ResizeObserver};

/// Width and height inside an element's padding; zeros until it is on the page.
pub fn use_size<E>(element: NodeRef<E>) -> Signal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + AsRef<Element> + 'static,
{
    let size = RwSignal::new((0.0, 0.0));
    element.on_load(move |element| {
        let element: &Element = element.as_ref();
        let element = element.clone();
        observe(element, size);
    });
    size.into()
}

fn observe(element: Element, size: RwSignal<(f64, f64)>) {
    let watched = element.clone();
    let measure = move || {
        let now = (f64::from(element.client_width()), f64::from(element.client_height()));
        if size.try_get_untracked().is_some_and(|known| known != now) {
            let _ = size.try_set(now);
        }
    };
    measure();
    let callback = Closure::<dyn FnMut(JsValue)>::new(move |_| measure());
    if let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) {
        observer.observe(&watched);
        let kept = StoredValue::new_local((observer, callback));
        on_cleanup(move || {
            let _ = kept.try_with_value(|(observer, _)| observer.disconnect());
        });
    }
}

/// Device pixels a CSS pixel, at most 3.
pub fn pixel_ratio() -> f64 {
    window().device_pixel_ratio().clamp(1.0, 3.0)
}
