//! How the next token is chosen. Changing it never runs the model again.

use std::cell::Cell;

use web_sys::Event;

use crate::format;
use crate::parts::dom::{El, el, input_of};
use crate::parts::icon;
use crate::parts::slider::{Range, slider};
use crate::parts::term::term;
use crate::protocol::Sampling;
use crate::state::cell::derive;
use crate::state::url::UrlState;
use crate::state::use_store;

thread_local! {
    /// Whether the temperature is being dragged: only the first move opens a step of the history.
    static DRAGGED: Cell<bool> = const { Cell::new(false) };
}

/// The temperature, on a slider.
pub fn temperature() -> El {
    let store = use_store();
    let value = derive(move || f64::from(store.url.read().sampling.temperature));
    let shown = derive(move || match store.url.read().sampling.temperature {
        t if t <= 0.0 => "0, the first".into(),
        t => format::three(t),
    });
    let set = move |value: f64| {
        let change = |url: &mut UrlState| {
            url.sampling.temperature = value as f32;
        };
        if DRAGGED.replace(true) {
            store.adjust(change);
        } else {
            store.choose(change);
        }
    };
    let range = Range {
        name: "Temperature",
        testid: "temperature",
        range: ["0", "2", "0.05"],
        value,
        shown,
    };
    slider(range, set, |_| DRAGGED.set(false))
}

/// The rest of the settings, behind a button.
pub fn settings() -> El {
    let summary = el!(summary data-testid="settings" aria-label="How the next token is chosen")
        .child(icon::settings());
    let top_k = setting(
        "top-k",
        el!(input type="number" min="0" max="1000000" data-testid="top-k"
            aria-label="top-k, 0 for all"),
        |sampling| sampling.top_k.to_string(),
        |sampling, k| {
            if is_whole(k) {
                sampling.top_k = k.min(1e6) as u32;
            }
        },
    );
    let top_p = setting(
        "top-p",
        el!(input type="number" min="0.01" max="1" step="0.01" data-testid="top-p"
            aria-label="top-p, 1 for all"),
        |sampling| format::plain(sampling.top_p),
        |sampling, p| {
            if p.is_finite() {
                sampling.top_p = p.clamp(0.01, 1.0) as f32;
            }
        },
    );
    let seed = setting(
        "seed",
        el!(input type="number" min="0" data-testid="seed" aria-label="seed"),
        |sampling| sampling.seed.to_string(),
        |sampling, seed| {
            if is_whole(seed) {
                sampling.seed = seed as u64;
            }
        },
    );
    let body = el!(div class="drop-body settings-body").child(top_k).child(top_p).child(seed);
    el!(details class="drop").closes_on_escape().child(summary).child(body)
}

/// A whole number that a u32 holds.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)
}

fn setting(
    word: &'static str,
    input: El,
    shown: fn(&Sampling) -> String,
    change: fn(&mut Sampling, f64),
) -> El {
    let store = use_store();
    let on_change = move |event: Event| {
        if let Some(input) = input_of(&event) {
            store.choose(|url| change(&mut url.sampling, input.value_as_number()));
        }
    };
    let input = input.value(move || shown(&store.url.read().sampling)).on("change", on_change);
    el!(div class="setting").child(term(word)).child(input)
}
