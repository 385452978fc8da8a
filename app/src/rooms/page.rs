//! A room on the page. In this order: question and papers, machine, claims, invariants, try, ways on.
//!
//! The words of a room are a file, `assets/rooms/NN.xhtml`, fetched when the room is opened. In it:
//!
//! - `<section data-part="…">` with `<div class="words">` and, beside it, `<div class="stage">`;
//! - `data-mount="NAME"`: replaced by a part that the room makes; `knobs`, `knob-NAME` and `steps` are the frame's;
//! - `data-symbol="NAME"`: lights up with everything of that name, in equations, words and parts;
//! - `data-means="…"`: a term that opens its explanation;
//! - `data-set="knob=value step=3"` on a button: settings that one click applies.
//!
//! Tests find things by `data-testid`: `room`, `room-words`, `room-question`, `present`, `print`,
//! `room-before`, `room-after`, `room-explorer`, `knob-NAME`, `step-{back,on,play,scrub,speed}`, `step-now`,
//! `invariants-room`, `question-{answer,check,verdict}`, and what a room adds.

use crate::parts::dom::either;
use crate::parts::dom::{View, document, effect, el};
use crate::rooms::{Visit, foot, head, keys, open, words};
use crate::state::cell::derive;
use crate::state::url::Place;
use crate::state::{Store, use_store};

/// The place of the rooms: the one that the address names.
pub fn room_page() -> View {
    let store = use_store();
    let number = derive(move || {
        let url = store.url.read();
        // Behind another place the room that was shown last lives on.
        url.room.number
    });
    let shown = either(number, move |number| match open(number) {
        Some(room) => page(Visit::new(store, room)),
        None => foot::not_open(store, number),
    });
    title(store);
    el!(main id="room" class="room" tabindex="-1" data-testid="room")
        .class("presenting", move || store.url.read().room.presented.is_some())
        .child(shown)
        .into()
}

fn page(visit: Visit) -> Vec<View> {
    keys::listen(visit);
    vec![
        head::head(visit).into(),
        words::words(visit).into(),
        foot::foot(visit).into(),
        keys::presenter_bar(visit),
    ]
}

/// The page is called by its room, for the history and for what is printed.
fn title(store: Store) {
    let name = derive(move || {
        let url = store.url.read();
        let room = open(url.room.number).filter(|_| url.place == Place::Room);
        room.map_or("Vitrine", |room| Visit::new(store, room).entry().name)
    });
    effect(move || {
        let name = name.get();
        document().set_title(&if name == "Vitrine" {
            name.to_owned()
        } else {
            format!("{name} · Vitrine")
        });
    });
}
