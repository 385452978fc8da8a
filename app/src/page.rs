//! The main thread: starts the worker, mounts the page, and says in words when it cannot go on.

use leptos::ev;
use leptos::mount::mount_to_body;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::explorer::Explorer;
use crate::host::{self, Host};
use crate::protocol::{EngineChoice, FaultPlace, ToWorker};
use crate::state::url::{Theme, UrlState};
use crate::state::{Store, browser, inbox};

/// Runs the page.
pub fn run() {
    std::panic::set_hook(Box::new(|info| {
        leptos::logging::error!("{info}");
        tell("The page stopped", &info.to_string());
    }));
    let host = match Host::start() {
        Ok(host) => host,
        Err(why) => return tell("The engine could not start", &why),
    };
    mount_to_body(move || {
        let hash = browser::read_hash();
        let mut url = UrlState::from_hash(&hash);
        // A text too long for the address, or an address without one, after a reload.
        if let Some(text) = browser::kept_text().filter(|_| !hash.contains("t=")) {
            url.text = text;
        }
        let engine = url.engine;
        let store = Store::new(host.clone(), url);
        provide_context(store);
        listen(store, &host, engine);
        view! { <Explorer /> }
    });
}

/// Paints a panel with diagnostics; boot.js has it, so that it is there even before this module.
fn tell(title: &str, why: &str) {
    if let Err(err) = host::call_boot("fault", &[title.into(), why.into()]) {
        leptos::logging::error!("{title}: {why} ({err})");
    }
}

fn listen(store: Store, host: &Host, engine: EngineChoice) {
    host.listen(
        move |message, attachment| inbox::receive(store, message, &attachment),
        move |why| {
            let what = format!("The engine stopped: {why}");
            store.progress.set(None);
            inbox::fault(store, FaultPlace::Engine, what, "Reload the page. Your text is kept.");
        },
    );
    host.post(&ToWorker::Start { engine });
    // The browser's back and forward, and links within the page.
    let on_hash = move |_: ev::PopStateEvent| {
        let before = store.url.get_untracked();
        let after = UrlState::from_hash(&browser::read_hash());
        let reruns = (&before.text, &before.pair) != (&after.text, &after.pair);
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
    };
    window_event_listener(ev::popstate, on_hash);
    theme(store);
    drop_files(store);
}

/// Paper or night, as chosen or as the system says.
fn theme(store: Store) {
    let dark = move || match store.url.read().theme {
        Theme::Auto => browser::media("(prefers-color-scheme: dark)"),
        Theme::Light => false,
        Theme::Dark => true,
    };
    let dark = Memo::new(move |_| dark());
    store.dark.set(dark.get_untracked());
    Effect::new(move |_| {
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
    window_event_listener(ev::dragover, |event| event.prevent_default());
    window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        let files = event
            .dyn_ref::<web_sys::DragEvent>()
            .and_then(web_sys::DragEvent::data_transfer)
            .and_then(|data| data.files());
        if let Some(files) = files {
            crate::explorer::load_files(store, &files);
        }
    });
}
