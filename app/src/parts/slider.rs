//! A slider with its name and its value beside it.

use leptos::prelude::*;

/// A range input. While it is dragged, `on_input` is called; at the end, `on_change`.
#[component]
pub fn Slider(
    /// Its name.
    name: &'static str,
    /// For tests.
    testid: &'static str,
    /// Smallest, largest, step.
    range: (f64, f64, f64),
    /// Where it stands.
    #[prop(into)]
    value: Signal<f64>,
    /// How the value is written.
    #[prop(into)]
    shown: Signal<String>,
    /// While dragging.
    on_input: Callback<f64>,
    /// At the end.
    on_change: Callback<f64>,
) -> AnyView {
    let (min, max, step) = range;
    let number = |event: &leptos::ev::Event| event_target_value(event).parse::<f64>().ok();
    view! {
        <label class="slider">
            <span class="slider-name">{name}</span>
            <input
                type="range"
                data-testid=testid
                min=min.to_string()
                max=max.to_string()
                step=step.to_string()
                prop:value=move || value.get().to_string()
                aria-valuetext=shown
                on:input=move |event| {
                    if let Some(value) = number(&event) {
                        on_input.run(value);
                    }
                }
                on:change=move |event| {
                    if let Some(value) = number(&event) {
                        on_change.run(value);
                    }
                }
            />
            <span class="slider-value num">{shown}</span>
        </label>
    }
    .into_any()
}
