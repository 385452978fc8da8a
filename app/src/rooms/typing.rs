//! One line of text, to be typed within a room: the page's, which is the Explorer's, or one of the room's own.

use web_sys::Event;

use crate::explorer::typed;
use crate::parts::dom::{El, el, value_of};
use crate::rooms::Visit;
use crate::state::browser;
use crate::state::url::UrlState;

/// The field of the page's text.
pub fn typing(visit: Visit, testid: &str) -> El {
    page_text(visit, "Text for the model", testid, |_| ())
}

/// As [`typing`], with a name; `also` changes what goes with another text.
pub fn page_text(visit: Visit, name: &str, testid: &str, also: fn(&mut UrlState)) -> El {
    let store = visit.store;
    let heard = move |value: String| {
        browser::keep_text(&value);
        typed(store, &|url| {
            url.text.clone_from(&value);
            also(url);
        });
    };
    field(name, move || store.url.read().text.clone(), heard).set("data-testid", testid)
}

/// A field: its name for people who do not see it, what it holds, and what hears what is typed.
pub fn field(
    name: &str,
    holds: impl Fn() -> String + 'static,
    heard: impl Fn(String) + 'static,
) -> El {
    el!(input type="text" class="room-text" dir="auto" spellcheck="false" autocomplete="off")
        .set("aria-label", name)
        .value(holds)
        .on("input", move |event: Event| heard(value_of(&event)))
}
