//! The text of the page, to be typed within a room.

use web_sys::Event;

use crate::explorer::typed;
use crate::parts::dom::{El, el, value_of};
use crate::rooms::Visit;
use crate::state::browser;

/// The field. It holds the Explorer's text.
pub fn typing(visit: Visit, testid: &str) -> El {
    let store = visit.store;
    let on_text = move |event: Event| {
        let value = value_of(&event);
        browser::keep_text(&value);
        typed(store, &|url| url.text.clone_from(&value));
    };
    el!(input type="text" class="room-text" aria-label="Text for the model" dir="auto" spellcheck="false" autocomplete="off")
        .set("data-testid", testid)
        .value(move || store.url.read().text.clone())
        .on("input", on_text)
}
