//! What the page is doing, in one word on the root element (`data-state`): for style sheets, for
//! tests, and for whoever looks at the page from outside.

use crate::parts::dom::{document, effect};
use crate::state::Store;
use crate::state::cell::derive;
use crate::state::room::use_rooms;
use crate::state::url::Place;

/// Keeps the word: `starting`, `loading`, `running` or `ready`.
pub fn watch(store: Store) {
    let word = derive(move || word(store));
    effect(move || {
        let word = word.get();
        if let Some(root) = document().document_element() {
            // The root takes any attribute.
            let _ = root.set_attribute("data-state", word);
        }
    });
}

fn word(store: Store) -> &'static str {
    // The Lab waits for nothing; what its run does is said in `data-lab`.
    let place = store.url.read().place;
    if place == Place::Lab {
        return "ready";
    }
    if place == Place::Room && use_rooms().n_open.get() > 0 {
        return "running";
    }
    if store.progress.read().is_some() {
        return "loading";
    }
    if store.model.read().is_none() {
        // A model that could not be loaded leaves nothing to wait for.
        return if store.faults.read().is_empty() { "starting" } else { "ready" };
    }
    let run = store.run.get();
    let is_done = store.ended_run.get() == run;
    let run_trace = store.traced.read();
    let is_seen = store.tokens.read().is_empty()
        || !store.faults.read().is_empty()
        || run_trace.run == run
            && run_trace.tokens.len() == store.tokens.read().len()
            && store.wants.read().hooks.iter().all(|hook| run_trace.trace.get(hook).is_some());
    let is_asked = store.generating.get()
        || store.comparing.get()
        || store.masking.get()
        || store.weighing.read().is_some();
    if is_asked || !is_done || !is_seen { "running" } else { "ready" }
}
