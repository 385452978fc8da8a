//! The reading list as one line of marks, with the room that is pointed at in words.

use web_sys::KeyboardEvent;

use crate::parts::dom::{El, View, around, el, focus, part};
use crate::rooms::{OPEN, Part, ROOMS, Room, cited, open, to_room};
use crate::state::cell::{Var, derive};
use crate::state::use_store;

/// The line, the room that is shown, and what the parts are called.
pub fn timeline() -> El {
    let shown = Var::new(0_usize);
    let parts: Vec<View> = Part::ALL.into_iter().map(|part| part_view(part, shown)).collect();
    let line = el!(div class="timeline" data-testid="timeline" role="radiogroup"
        aria-label="The rooms of the reading list")
    .on("keydown", move |event: KeyboardEvent| on_key(&event, shown))
    .child(parts);
    let words = part(move || {
        let idx = shown.get();
        ROOMS.get(idx).map(|room| room_words(idx, room)).unwrap_or_default()
    });
    let room = el!(div class="room-shown" data-testid="room-shown" aria-live="polite").child(words);
    el!(section class="reading-list" aria-labelledby="list-title")
        .child(
            el!(header class="list-head")
                .child(el!(h2 id="list-title").child("The reading list"))
                .child(el!(p class="hint").child(
                format!(
                    "22 rooms, in the order in which to read them, {} of them open: each runs its paper’s \
                     mechanism here. The others are named, with their papers.",
                    OPEN.len()
                ),
            )),
        )
        .child(line)
        .child(room)
}

fn part_view(of: Part, shown: Var<usize>) -> View {
    let rooms = ROOMS.iter().enumerate().filter(|(_, room)| room.part == of);
    let marks: Vec<View> = rooms.map(|(idx, room)| mark(idx, room, shown)).collect();
    el!(div class="timeline-part")
        .child(el!(h3).child(of.title()))
        .child(el!(div class="marks").child(marks))
        .into()
}

fn mark(idx: usize, room: &'static Room, shown: Var<usize>) -> View {
    let is_shown = derive(move || shown.get() == idx);
    let is_open = open(idx as u8 + 1).is_some();
    el!(button type="button" role="radio" class="mark-room")
        .set("data-testid", &format!("room-{}", idx + 1))
        .set("data-room", &idx.to_string())
        .set("aria-label", &format!("{}, {}: {}", room.name, room.year, room.question))
        .class("open", move || is_open)
        .state("aria-checked", move || is_shown.get())
        .attr("tabindex", move || if is_shown.get() { "0" } else { "-1" })
        .when("click", move || shown.set(idx))
        .when("pointerenter", move || shown.set(idx))
        .child(el!(span class="mark-dot num").child(format!("{:02}", idx + 1)))
        .child(el!(span class="mark-name").child(room.name))
        .child(el!(span class="mark-year num").child(room.year.to_string()))
        .into()
}

fn room_words(idx: usize, room: &Room) -> Vec<View> {
    let papers: Vec<View> = room.papers.iter().map(cited).collect();
    vec![
        el!(p class="room-name")
            .child(el!(span class="num").child(format!("{:02}", idx + 1)))
            .child(format!(" {} ", room.name))
            .child(way_in(idx))
            .into(),
        el!(p class="prose").child(room.question).into(),
        el!(ul class="papers").child(papers).into(),
    ]
}

/// The door of a room that is open.
fn way_in(idx: usize) -> El {
    let number = idx as u8 + 1;
    if open(number).is_none() {
        return el!(span class="hint").child("not open yet");
    }
    to_room(use_store(), number).set("data-testid", "room-enter").child("Enter the room")
}

/// Arrows walk the rooms.
fn on_key(event: &KeyboardEvent, shown: Var<usize>) {
    let at = around(event, "[data-room]").map_or(0, |_| shown.get_untracked());
    let last = ROOMS.len() - 1;
    let to = match event.key().as_str() {
        "ArrowLeft" | "ArrowUp" => at.checked_sub(1).unwrap_or(last),
        "ArrowRight" | "ArrowDown" => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        "Home" => 0,
        "End" => last,
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    shown.set(to);
    focus(&format!("[data-room=\"{to}\"]"));
}
