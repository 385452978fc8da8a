//! Keys in a room, and the line at the foot while it is presented.

use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::frame::keys::is_typing;
use crate::parts::dom::{View, el, on_window, show};
use crate::rooms::Visit;
use crate::state::url::Place;

/// Listens for as long as the room is there. Arrows to the sides step the machine, space plays it; while the
/// room is presented, up and down walk its parts and Escape ends that.
pub fn listen(visit: Visit) {
    on_window("keydown", move |event: KeyboardEvent| {
        let url = visit.store.url.read_untracked();
        let is_here = url.place == Place::Room && url.room.number == visit.room.number;
        let has_key = event.ctrl_key() || event.meta_key() || event.alt_key();
        if !is_here || has_key || event.default_prevented() || is_typing(&event) {
            return;
        }
        let presented = url.room.presented;
        let is_free = !has_own_keys(&event);
        let is_done = match (event.key().as_str(), presented) {
            ("Escape", Some(_)) => {
                visit.present(None);
                true
            }
            ("ArrowDown" | "PageDown", Some(part)) if is_free => {
                visit.present(Some(part.saturating_add(1)));
                true
            }
            ("ArrowUp" | "PageUp", Some(part)) if is_free => {
                visit.present(Some(part.saturating_sub(1)));
                true
            }
            ("ArrowRight", _) if is_free => {
                visit.step_by(1);
                true
            }
            ("ArrowLeft", _) if is_free => {
                visit.step_by(-1);
                true
            }
            (" ", _) if is_free && !is_pressed_by_space(&event) => {
                visit.playing.update(|playing| *playing = !*playing);
                true
            }
            _ => false,
        };
        if is_done {
            event.prevent_default();
        }
    });
}

fn within(event: &KeyboardEvent, selector: &str) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest(selector).ok().flatten().is_some())
}

/// Whether what has the focus does something of its own with arrows.
fn has_own_keys(event: &KeyboardEvent) -> bool {
    within(event, "input, select, [role=\"grid\"], [role=\"radiogroup\"], dialog")
}

fn is_pressed_by_space(event: &KeyboardEvent) -> bool {
    within(event, "button, summary, a")
}

/// Where the presentation stands, and its keys.
pub fn presenter_bar(visit: Visit) -> View {
    let presented = move || visit.store.url.read().room.presented;
    show(
        move || presented().is_some(),
        move || {
            let at = move || presented().unwrap_or_default();
            let go = |name: &str, testid: &str, by: i8| {
                el!(button type="button" class="quiet-text")
                    .set("data-testid", testid)
                    .when("click", move || {
                        let at = visit.store.url.read_untracked().room.presented;
                        visit.present(at.map(|at| at.saturating_add_signed(by)));
                    })
                    .child(name)
            };
            el!(nav class="presenter" aria-label="The presentation")
                .child(go("Back", "present-up", -1))
                .child(
                    el!(span class="num" data-testid="present-at")
                        .text(move || format!("{} of {}", at() + 1, visit.n_parts.get())),
                )
                .child(go("Next", "present-down", 1))
                .child(
                    el!(button type="button" class="quiet-text" data-testid="present-end")
                        .when("click", move || visit.present(None))
                        .child("Close"),
                )
                .into()
        },
    )
}
