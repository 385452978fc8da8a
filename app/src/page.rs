//! The main thread: starts the worker, mounts the page, and says in words when it cannot go on.

use leptos::mount::mount_to_body;
use web_sys::{DragEvent, Event};

use crate::explorer::load_files;
use crate::frame::frame;
use crate::host;
use crate::panic;
use crate::parts::dom::{document, effect, on_window};
use crate::protocol::{FaultPlace, ToWorker};
use crate::state::cell::derive;
use crate::state::url::{Place, Theme, UrlState};
use crate::state::{State, Store, browser, inbox};

/// Runs the page.
pub fn run() {
    std::panic::set_hook(Box::new(|info| {
        let why = panic::words(info);
        host::log(&why);
        tell("The page stopped", &why);
    }));
    mount_to_body(|| {
        let hash = browser::read_hash();
        let mut url = UrlState::from_hash(&hash);
        // A text too long for the address, or an address without one, after a reload.
        if let Some(text) = browser::kept_text().filter(|_| !hash.contains("t=")) {
            url.text = text;
        }
        let engine = url.engine;
        let store = State::start(url);
        if let Err(why) = listen(store) {
            return tell("The engine could not start", &why);
        }
        store.post(&ToWorker::Start { engine });
        on_window("vitrine-rest", move |_: Event| store.has_foot.set(true));
        on_window("popstate", move |_: Event| navigated(store));
        theme(store);
        drop_files(store);
        if let Some(body) = document().body() {
            // The body takes any node.
            let _ = body.append_child(&frame());
        }
    });
}

/// Paints a panel with diagnostics; boot.js has it, so that it is there even before this module.
fn tell(title: &str, why: &str) {
    if let Err(err) = host::call_boot("fault", &[title.into(), why.into()]) {
        host::log(&format!("{title}: {why} ({err})"));
    }
}

fn listen(store: Store) -> Result<(), String> {
    host::start(
        move |message, attachment| inbox::receive(store, message, &attachment),
        move |why| {
            let what = format!("The engine stopped: {why}");
            store.progress.set(None);
            inbox::fault(store, FaultPlace::Engine, what, "Reload the page. Your text is kept.");
        },
    )
}

/// The browser's back and forward, and links within the page.
fn navigated(store: Store) {
    let before = store.url.get_untracked();
    let mut after = UrlState::from_hash(&browser::read_hash());
    if after.lab.is_none() {
        // Only the Lab's addresses hold its knobs.
        (after.lab, after.corpus) = (before.lab.clone(), before.corpus);
    }
    if after.place != Place::Room {
        after.room = before.room.clone();
    }
    let texts = |url: &UrlState| {
        let typed = (url.text.clone(), url.pair.clone(), url.target.clone());
        (typed, url.masks.clone(), url.beams, url.system.clone())
    };
    let reruns = texts(&before) != texts(&after);
    let (model, engine) = (after.model.clone(), after.engine);
    store.url.set(after);
    if engine != before.engine {
        store.post(&ToWorker::UseEngine(engine));
    }
    match model {
        Some(model) if Some(&model) != before.model.as_ref() => store.load(model),
        _ if reruns => store.run_text(),
        _ => {}
    }
}

/// Paper or night, as chosen or as the system says.
fn theme(store: Store) {
    let is_night = browser::watched_media("(prefers-color-scheme: dark)");
    let dark = derive(move || match store.url.read().theme {
        Theme::Auto => is_night.get(),
        Theme::Light => false,
        Theme::Dark => true,
    });
    effect(move || {
        let is_dark = dark.get();
        if let Some(root) = document().document_element() {
            let name = if is_dark { "dark" } else { "light" };
            // The root takes any attribute.
            let _ = root.set_attribute("data-theme", name);
        }
        store.dark.set(is_dark);
    });
}

/// Files dropped anywhere on the page are opened as a model.
fn drop_files(store: Store) {
    on_window("dragover", |event: Event| event.prevent_default());
    on_window("drop", move |event: DragEvent| {
        event.prevent_default();
        if let Some(files) = event.data_transfer().and_then(|data| data.files()) {
            store.go(Place::Explorer);
            load_files(store, &files);
        }
    });
}
