//! A slider with its name and its value beside it.

use web_sys::Event;

use crate::format;
use crate::parts::dom::{El, el, input_of};
use crate::state::cell::Derived;

/// What a slider is.
pub struct Range {
    /// Its name.
    pub name: &'static str,
    /// For tests.
    pub testid: &'static str,
    /// Smallest, largest, step.
    pub range: [&'static str; 3],
    /// Where it stands.
    pub value: Derived<f64>,
    /// How the value is written.
    pub shown: Derived<String>,
}

/// A range input. While it is dragged, `on_input` is called; at the end, `on_change`.
pub fn slider(
    range: Range,
    on_input: impl Fn(f64) + 'static,
    on_change: impl Fn(f64) + 'static,
) -> El {
    let Range { name, testid, range: [min, max, step], value, shown } = range;
    let number = |event: &Event| input_of(event).map_or(f64::NAN, |input| input.value_as_number());
    let input = el!(input type="range")
        .set("data-testid", testid)
        .set("min", min)
        .set("max", max)
        .set("step", step)
        .value(move || format::plain(value.get() as f32))
        .attr("aria-valuetext", move || shown.get())
        .on("input", move |event: Event| on_input(number(&event)))
        .on("change", move |event: Event| on_change(number(&event)));
    el!(label class="slider")
        .child(el!(span class="slider-name").child(name))
        .child(input)
        .child(el!(span class="slider-value num").text(move || shown.get()))
}
