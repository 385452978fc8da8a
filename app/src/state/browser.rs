//! What the page keeps in the browser: the hash and its history, and the text of this tab.

use wasm_bindgen::JsValue;

use crate::parts::dom::{listen, window};
use crate::state::cell::Var;

const TEXT_KEY: &str = "vitrine.text";
const CORPUS_KEY: &str = "vitrine.corpus";

/// The hash of the address.
pub fn read_hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Puts a hash into the address, as a new step of the history or in place of the current one.
pub fn write_hash(hash: &str, is_step: bool) {
    let Ok(history) = window().history() else { return };
    let location = window().location();
    let path = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    let url = if hash.is_empty() { path } else { format!("{path}#{hash}") };
    // Browsers refuse more than some hundred changes in some seconds; the state on the page is
    // right all the same, and the next change writes all of it.
    let _ = if is_step {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}

/// The whole address, for a link to what is shown.
pub fn address() -> String {
    window().location().href().unwrap_or_default()
}

/// Keeps the text of this tab, so that a reload shows it even where it is too long for a hash.
pub fn keep_text(text: &str) {
    keep(TEXT_KEY, text);
}

/// The text of this tab before a reload.
pub fn kept_text() -> Option<String> {
    kept(TEXT_KEY)
}

/// Keeps the text of this tab that the Lab trains on.
pub fn keep_corpus(text: &str) {
    keep(CORPUS_KEY, text);
}

/// What the Lab trained on before a reload.
pub fn kept_corpus() -> Option<String> {
    kept(CORPUS_KEY)
}

fn keep(key: &str, text: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        // Full or forbidden: then the reload shows what the hash holds.
        let _ = storage.set_item(key, text);
    }
}

fn kept(key: &str) -> Option<String> {
    window().session_storage().ok().flatten()?.get_item(key).ok().flatten()
}

/// Whether a media query holds.
pub fn media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Whether a media query holds, now and later: a system goes from day to night while a page is open.
pub fn watched_media(query: &'static str) -> Var<bool> {
    let holds = Var::new(media(query));
    if let Some(list) = window().match_media(query).ok().flatten() {
        listen(list.into(), "change", Box::new(move |_| holds.set(media(query))));
    }
    holds
}
