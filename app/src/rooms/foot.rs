//! The ways on from a room: to the one before and after it, and to the Explorer with the same text and head.

use web_sys::MouseEvent;

use crate::parts::dom::{El, View, el};
use crate::rooms::{ROOMS, Visit, open};
use crate::state::Store;
use crate::state::url::{Place, room_place};

/// The ways on.
pub fn foot(visit: Visit) -> El {
    let at = visit.room.number;
    let explorer = link(visit.store, "#p=explorer".to_owned(), |store| store.go(Place::Explorer))
        .set("data-testid", "room-explorer")
        .child("The same text and head in the Explorer");
    el!(nav class="room-foot" aria-label="Ways on")
        .child(beside(visit, "Before: ", at.checked_sub(1), "room-before"))
        .child(el!(span).child(explorer))
        .child(beside(visit, "After: ", Some(at + 1), "room-after"))
}

fn beside(visit: Visit, word: &str, number: Option<u8>, testid: &str) -> El {
    let number = number.filter(|&number| (1..=ROOMS.len()).contains(&number.into()));
    let Some(number) = number else { return el!(span) };
    let name = format!("{word}{number:02} {}", ROOMS[usize::from(number) - 1].name);
    if open(number).is_none() {
        let not_yet = el!(span class="hint").child(format!("{name}, not open yet"));
        return el!(span).set("data-testid", testid).child(not_yet);
    }
    el!(span).child(to_room(visit.store, number).set("data-testid", testid).child(name))
}

/// A link to a room.
pub fn to_room(store: Store, number: u8) -> El {
    link(store, format!("#p={}", room_place(number)), move |store| store.go_to_room(number))
}

/// A link that moves within the page; with a key held it opens beside, as any link does.
fn link(store: Store, href: String, go: impl Fn(Store) + 'static) -> El {
    el!(a).set("href", &href).on("click", move |event: MouseEvent| {
        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
            event.prevent_default();
            go(store);
        }
    })
}

/// A room that is not open: what it will answer, and the way back.
pub fn not_open(store: Store, number: u8) -> Vec<View> {
    let home = link(store, "#p=home".to_owned(), |store| store.go(Place::Home));
    let Some(room) = ROOMS.get(usize::from(number).wrapping_sub(1)) else { return Vec::new() };
    vec![
        el!(h2).child(room.name).into(),
        el!(p class="room-question").child(room.question).into(),
        el!(p).child("This room is not open yet. ").child(home.child("The reading list")).into(),
    ]
}
