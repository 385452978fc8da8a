//! Home: what Vitrine is, one map that follows what the visitor types, the reading list as a line, and
//! the doors.
//!
//! Tests find things by `data-testid`: `home`, `home-text`, `home-map`, `home-matrix`, `timeline`,
//! `room-N`, `room-shown`, `door-explorer`, `door-lab`.

mod timeline;

use web_sys::{Event, MouseEvent};

use crate::explorer::{head_map, typed};
use crate::parts::dom::{El, View, el, show, value_of};
use crate::state::url::Place;
use crate::state::{Store, browser, use_store};

/// The whole place.
pub fn home() -> View {
    let store = use_store();
    let intro = el!(section class="home-intro" aria-labelledby="home-title")
        .child(el!(h2 id="home-title").child("A reading list that runs"))
        .child(el!(p class="prose").child(
            "Vitrine runs small transformers in this tab, on your own machine, and shows every \
                 number on the way. Type, and look at what one head of the model looks at.",
        ))
        .child(text(store))
        .child(engine_line(store))
        .child(doors(store));
    let map = el!(section class="home-map" data-testid="home-map" aria-label="One head, live")
        .child(head_map("home-matrix"));
    el!(main id="home" class="home" tabindex="-1" data-testid="home")
        .child(intro)
        .child(map)
        .child(timeline::timeline())
        .into()
}

/// The text of the page: the Explorer has the same.
fn text(store: Store) -> El {
    let on_text = move |event: Event| {
        let value = value_of(&event);
        browser::keep_text(&value);
        typed(store, &|url| url.text.clone_from(&value));
    };
    el!(textarea data-testid="home-text" aria-label="Text for the model" rows="2" spellcheck="false"
        autocapitalize="off" dir="auto" placeholder="Type a sentence")
    .value(move || store.url.read().text.clone())
    .on("input", on_text)
}

/// Which model ran, where, how long.
fn engine_line(store: Store) -> El {
    let words = move || {
        let report = store.report.get()?;
        let model = store.model.get()?;
        let engine = store.engine.get()?;
        let place = if engine.gpu { "WebGPU" } else { "the processor" };
        Some(format!(
            "{}, {} on {place}, {} ms",
            model.title,
            crate::format::plural(report.n_tokens as usize, "token"),
            crate::format::three(report.ms as f32)
        ))
    };
    let is_there = move || store.report.read().is_some();
    el!(p class="hint num").child(show(is_there, move || el!(span).text(words).into()))
}

/// The ways on.
fn doors(store: Store) -> El {
    let door = |place: Place, name: &str, words: &str| {
        let word = place.word();
        let go = move |event: MouseEvent| {
            // With a key held it opens beside, as any link does.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
                event.prevent_default();
                store.go(place);
            }
        };
        let link = el!(a class="door")
            .set("href", &format!("#p={word}"))
            .set("data-testid", &format!("door-{word}"))
            .on("click", go)
            .child(el!(strong).child(name))
            .child(el!(span).child(words));
        el!(li).child(link).into()
    };
    let doors: Vec<View> = vec![
        door(
            Place::Explorer,
            "Explorer",
            "Every head, norm and prediction of a model, on any text",
        ),
        door(Place::Lab, "Lab", "Train a small model here and watch its gradients"),
    ];
    el!(nav class="doors" aria-label="Ways on").child(el!(ul).child(doors))
}
