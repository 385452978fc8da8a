//! What stays while the place changes: the top line, what is said to screen readers, and the places,
//! of which one is shown. A place is made when it is shown first, and lives on when another is.

pub mod header;
pub mod keys;

use std::sync::atomic::{AtomicBool, Ordering};

use wasm_bindgen::JsValue;
use web_sys::{Element, Event};

use crate::explorer::explorer;
use crate::home::home;
use crate::host;
use crate::lab::lab;
use crate::parts::dom::{Child, View, effect, el, focus, once, show};
use crate::protocol::ToWorker;
use crate::rooms::page::room_page;
use crate::state::cell::{Derived, Var, derive};
use crate::state::url::Place;
use crate::state::{Store, pulse, use_store};

/// The whole page.
pub fn frame() -> View {
    let store = use_store();
    keys::listen(store);
    pulse::watch(store);
    // What is needed changes with what is shown; the worker then sends it without a new run.
    effect(move || {
        let wants = store.wants.get();
        if store.model.read_untracked().is_some() {
            store.post(&ToWorker::Want(wants));
        }
    });
    let said = el!(p class="visually-hidden" role="status" aria-live="polite")
        .text(move || store.said.get());
    let on_skip = move |event: Event| skip(store, &event);
    let skip = el!(a class="skip")
        .attr("href", move || main_of(store.url.read().place))
        .on("click", on_skip)
        .child("Skip to the panels");
    vec![
        skip.into(),
        header::header().into(),
        place(store, Place::Home, || styled("home", home)),
        place(store, Place::Explorer, explorer),
        place(store, Place::Lab, || styled("lab", lab)),
        place(store, Place::Room, || styled("rooms", room_page)),
        said.into(),
    ]
    .into_node()
}

/// A place, as soon as it was shown once.
fn place(store: Store, place: Place, make: fn() -> View) -> View {
    let is_here = derive(move || store.url.read().place == place);
    let is_made = lasting(is_here);
    let holder = el!(div class="place").flag("hidden", move || !is_here.get());
    holder.child(show(move || is_made.get(), make)).into()
}

/// Whether something is or ever was.
fn lasting(is_now: Derived<bool>) -> Derived<bool> {
    let was = AtomicBool::new(false);
    derive(move || {
        let is_now = is_now.get();
        was.fetch_or(is_now, Ordering::Relaxed) || is_now
    })
}

/// A place, once its style sheet is there: the first paint of the Explorer does not wait for it.
fn styled(sheet: &str, make: fn() -> View) -> View {
    let is_styled = Var::new(false);
    let ready = move || is_styled.set(true);
    match host::call_boot("addStyle", &[JsValue::from_str(sheet)]).map(JsValue::into) {
        Ok(link) => {
            let link: Element = link;
            once(&link, ["load", "error"], ready);
        }
        // Without its style sheet it can still be used.
        Err(err) => {
            host::log(&err);
            ready();
        }
    }
    show(move || is_styled.get(), make)
}

/// The hash holds the page's choices, so a link into the page moves the focus by itself.
fn skip(store: Store, event: &Event) {
    event.prevent_default();
    focus(main_of(store.url.read_untracked().place));
}

/// The main part of a place.
fn main_of(place: Place) -> &'static str {
    match place {
        Place::Home => "#home",
        Place::Explorer => "#main",
        Place::Lab => "#lab",
        Place::Room => "#room",
    }
}
