//! What the colours mean, with numbers.

use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::{Map, Scale};
use crate::parts::dom::{El, View, effect, el, part};
use crate::parts::paint;
use crate::state::cell::{Derived, derive};

/// A ramp with the values at its ends (and 0 in the middle of a diverging one).
pub fn legend(view: Derived<Option<MatrixView>>) -> El {
    let scale = derive(move || (*view.read()).as_ref().map(|view| view.scale));
    let canvas = el!(canvas aria-hidden="true");
    let ramp: HtmlCanvasElement = canvas.element().clone().unchecked_into();
    effect(move || {
        if let Some(scale) = scale.get() {
            paint::paint_ramp(&ramp, &scale.steps(64));
        }
    });
    let end = move |pick: fn(Scale) -> f32| {
        el!(span class="num").text(move || scale.get().map(|scale| format::three(pick(scale))))
    };
    let zero = move || scale.get().filter(|scale| scale.map == Map::Diverging).map(|_| "0");
    let is_log = move || scale.get().is_some_and(|scale| scale.is_log).then_some(", log scale");
    let reasons = derive(move || (*view.read()).as_ref().map(reasons).unwrap_or_default());
    let masks = part(move || reasons.read().iter().map(reason_view).collect());
    let name = el!(span class="legend-name")
        .text(move || (*view.read()).as_ref().map(|view| view.quantity.clone()))
        .text(is_log);
    el!(p class="legend")
        .class("unseen", move || scale.get().is_none())
        .child(name)
        .child(end(|scale| scale.min))
        .child(
            el!(span class="ramp").child(canvas).child(el!(span class="ramp-zero num").text(zero)),
        )
        .child(end(|scale| scale.max))
        .child(masks)
}

/// Why cells have no value.
fn reasons(view: &MatrixView) -> Vec<(bool, String)> {
    if view.reasons.is_empty() && view.masked.contains(&true) {
        return vec![(false, "not seen".into())];
    }
    // What is left out is explained for as long as something is.
    if view.masked.contains(&true) { view.reasons.clone() } else { Vec::new() }
}

fn reason_view((is_hatched, reason): &(bool, String)) -> View {
    let swatch =
        if *is_hatched { el!(i class="swatch-masked far") } else { el!(i class="swatch-masked") };
    el!(span class="legend-masked").child(swatch).child(reason.as_str()).into()
}
