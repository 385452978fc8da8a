//! What must hold, checked on this run, as one quiet line.

use leptos::prelude::*;

use crate::format;
use crate::lens::norms;
use crate::protocol::ToWorker;
use crate::state::use_store;

/// Beyond this a row of shares does not sum to 1.
const MAX_ROW_ERROR: f32 = 1e-4;
/// Beyond this a normalised row has not mean 0 or variance 1 (ε in the norm's root shows here).
const MAX_NORM_ERROR: f32 = 2e-2;
/// Beyond this the engines do not agree.
const MAX_ENGINE_ERROR: f32 = 1e-2;

/// The line.
#[component]
pub fn Invariants() -> AnyView {
    let store = use_store();
    let rows = move || store.report.get().and_then(|report| report.pattern_row_error);
    let norm = Memo::new(move |_| {
        let card = store.card.get()?;
        let run = store.trace.read();
        let site = format!("blocks.{}.ln1", store.focus.get().layer);
        norms::check(&run.trace, &card, &site)
    });
    let items = move || {
        let mut items = Vec::new();
        if let Some(error) = rows() {
            items.push(item("rows sum to 1", error, MAX_ROW_ERROR));
        }
        if let Some(check) = norm.get() {
            if let Some(error) = check.mean_error {
                items.push(item("normalised mean is 0", error, MAX_NORM_ERROR));
            }
            let what = if check.mean_error.is_some() {
                "normalised variance is 1"
            } else {
                "normalised mean square is 1"
            };
            items.push(item(what, check.variance_error, MAX_NORM_ERROR));
        }
        items
    };
    let compared = move || {
        let run = store.run.get();
        let comparison = store.comparison.get().filter(|comparison| comparison.run == run)?;
        let [a, b] = &comparison.engines;
        let error = comparison.relative_error;
        Some(item(&format!("{a} = {b}"), error, MAX_ENGINE_ERROR))
    };
    let compare = move |_| {
        store.comparing.set(true);
        store.post(&ToWorker::CompareEngines);
    };
    let can_compare = move || {
        store.engine.get().is_some_and(|engine| engine.gpu_available)
            && store.report.read().is_some()
            && !store.comparing.get()
    };
    let compare_name = move || {
        if store.comparing.get() {
            "Comparing"
        } else if store.engine.get().is_some_and(|engine| !engine.gpu_available) {
            "GPU = CPU needs WebGPU"
        } else {
            "Check GPU = CPU"
        }
    };
    view! {
        <footer class="invariants" data-testid="invariants" aria-label="What must hold">
            <span class="invariants-name">{"Must hold"}</span>
            {items}
            {compared}
            <button
                type="button"
                class="quiet-text"
                data-testid="compare-engines"
                disabled=move || !can_compare()
                on:click=compare
            >
                {compare_name}
            </button>
            <span class="invariants-key">
                <span class="provenance" aria-hidden="true">{"•"}</span>
                {"computed in this run"}
            </span>
            <NewVersion />
        </footer>
    }
    .into_any()
}

fn item(what: &str, error: f32, limit: f32) -> AnyView {
    // A NaN holds nothing.
    let holds = error <= limit;
    let mark = if holds { "✓" } else { "fails:" };
    let class = if holds { "invariant" } else { "invariant broken" };
    let number = format!("± {}", format::three(error));
    view! {
        <span class=class title=format::exact(error)>
            {format!("{mark} {what} ")}
            <span class="num">{number}</span>
        </span>
    }
    .into_any()
}

/// A newer build waits.
#[component]
fn NewVersion() -> AnyView {
    let waits = RwSignal::new(false);
    let handle = window_event_listener_untyped("vitrine-new-version", move |_| {
        let _ = waits.try_set(true);
    });
    on_cleanup(move || handle.remove());
    let reload = |_| {
        // Without boot.js there is no page either.
        let _ = crate::host::call_boot("reload", &[]);
    };
    view! {
        <Show when=move || waits.get()>
            <button type="button" class="quiet-text" on:click=reload>{"New version: reload"}</button>
        </Show>
    }
    .into_any()
}
