//! What must hold, checked on this run, as one quiet line.

use web_sys::Event;

use crate::explorer::is_recorded;
use crate::format;
use crate::lens::norms;
use crate::parts::dom::{El, View, el, on_window, part, show};
use crate::protocol::ToWorker;
use crate::state::cell::{Var, derive};
use crate::state::{Store, use_store};

/// Beyond this a row of shares does not sum to 1.
const MAX_ROW_ERROR: f32 = 1e-4;
/// Beyond this a normalised row has not mean 0 or variance 1 (ε in the norm's root shows here).
const MAX_NORM_ERROR: f32 = 2e-2;
/// Beyond this the engines do not agree.
const MAX_ENGINE_ERROR: f32 = 1e-2;

/// The line.
pub fn invariants() -> El {
    let store = use_store();
    let norm = derive(move || {
        // Whether a file's normalised rows hold γ and β nobody says.
        let card = store.card.get().filter(|card| !card.is_recorded())?;
        let run = store.trace.read();
        let site = format!("blocks.{}.ln1", store.focus.read().layer);
        norms::check(&run.trace, &card, &site)
    });
    let items = part(move || {
        let mut items = Vec::new();
        if let Some(error) = (*store.report.read()).as_ref().and_then(|r| r.pattern_row_error) {
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
    });
    let compare = move || {
        store.comparing.set(true);
        store.post(&ToWorker::CompareEngines);
    };
    let can_compare = move || {
        !is_recorded(store)
            && (*store.engine.read()).as_ref().is_some_and(|engine| engine.gpu_available)
            && store.report.read().is_some()
            && !store.comparing.get()
    };
    let compare_name = move || {
        if is_recorded(store) {
            "GPU = CPU needs a model"
        } else if store.comparing.get() {
            "Comparing"
        } else if (*store.engine.read()).as_ref().is_some_and(|engine| !engine.gpu_available) {
            "GPU = CPU is checked where there is WebGPU"
        } else {
            "Check GPU = CPU"
        }
    };
    let button = el!(button type="button" class="quiet-text" data-testid="compare-engines")
        .flag("disabled", move || !can_compare())
        .when("click", compare)
        .text(compare_name);
    let key = el!(span class="invariants-key")
        .child(el!(span class="provenance" aria-hidden="true").child("•"))
        .text(
            move || if is_recorded(store) { "as the file has it" } else { "computed in this run" },
        );
    el!(footer class="invariants" data-testid="invariants" aria-label="What must hold")
        .child(el!(span class="invariants-name").child("Must hold"))
        .child(items)
        .child(part(move || compared(store).into_iter().collect()))
        .child(button)
        .child(key)
        .child(new_version())
}

fn compared(store: Store) -> Option<View> {
    let run = store.run.get();
    let comparison = store.comparison.get().filter(|comparison| comparison.run == run)?;
    let [a, b] = &comparison.engines;
    Some(item(&format!("{a} = {b}"), comparison.relative_error, MAX_ENGINE_ERROR))
}

fn item(what: &str, error: f32, limit: f32) -> View {
    // A NaN holds nothing.
    let holds = error <= limit;
    let mark = if holds { "✓" } else { "fails:" };
    let class = if holds { "invariant" } else { "invariant broken" };
    el!(span)
        .set("class", class)
        .set("title", &format::exact(error))
        .child(format!("{mark} {what} "))
        .child(el!(span class="num").child(format!("± {}", format::three(error))))
        .into()
}

/// A newer build waits.
fn new_version() -> View {
    let waits = Var::new(false);
    on_window("vitrine-new-version", move |_: Event| waits.set(true));
    let reload = || {
        // Without boot.js there is no page either.
        let _ = crate::host::call_boot("reload", &[]);
    };
    show(
        move || waits.get(),
        move || {
            el!(button type="button" class="quiet-text")
                .when("click", reload)
                .child("New version: reload")
                .into()
        },
    )
}
