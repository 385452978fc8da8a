//! What the colours mean, with numbers.

use leptos::html;
use leptos::prelude::*;

use crate::format;
use crate::palette::{Map, Scale};
use crate::parts::paint;

/// A ramp with the values at its ends (and 0 in the middle of a diverging one).
#[component]
pub fn Legend(
    /// The colours; nothing is drawn without.
    #[prop(into)]
    scale: Signal<Option<Scale>>,
    /// What the values are.
    #[prop(into)]
    quantity: Signal<String>,
    /// Whether some cells are masked.
    #[prop(optional, into)]
    masked: Signal<bool>,
) -> AnyView {
    let ramp = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(scale)) = (ramp.get(), scale.get()) {
            paint::paint_ramp(&canvas, &scale.steps(64));
        }
    });
    let end = move |pick: fn(Scale) -> f32| {
        move || scale.get().map(|scale| format::three(pick(scale))).unwrap_or_default()
    };
    let zero = move || scale.get().filter(|scale| scale.map == Map::Diverging).map(|_| "0");
    let is_log = move || scale.get().is_some_and(|scale| scale.is_log).then_some(", log scale");
    let masks = move || {
        masked.get().then(|| {
            view! { <span class="legend-masked"><i class={"swatch-masked"}></i>{"not seen"}</span> }
        })
    };
    view! {
        <p class="legend" class:unseen=move || scale.get().is_none()>
            <span class="legend-name">{quantity}{is_log}</span>
            <span class="num">{end(|scale| scale.min)}</span>
            <span class="ramp">
                <canvas node_ref=ramp aria-hidden="true"></canvas>
                <span class="ramp-zero num">{zero}</span>
            </span>
            <span class="num">{end(|scale| scale.max)}</span>
            {masks}
        </p>
    }
    .into_any()
}
