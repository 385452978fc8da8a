//! Keys that work anywhere on the page, and the dialog that lists them.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::parts::dialog::Dialog;
use crate::state::Store;

const KEYS: &[(&str, &str)] = &[
    ("Tab", "from control to control and panel to panel"),
    ("← ↑ → ↓", "in the token strip, the wall and every matrix: move the selection"),
    ("Home, End", "first and last of a row"),
    ("Enter", "pin what the cursor is on"),
    ("Escape", "let go of tokens and close what is open"),
    ("[ and ]", "layer before, layer after"),
    ("{ and }", "head before, head after"),
    ("/", "to the text"),
    ("?", "this list"),
    ("Alt+← and Alt+→", "undo and redo: each choice is a step of the browser's history"),
];

/// Listens for as long as the page lives.
pub fn listen(store: Store) {
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
            return;
        }
        if event.key() == "Escape" {
            store.let_go();
            return;
        }
        if is_typing(&event) {
            return;
        }
        let Some((n_layers, n_heads)) = store.card.with_untracked(|card| {
            card.as_ref().map(|card| (card.n_layers as u16, card.n_heads as u16))
        }) else {
            return;
        };
        let (layer, head) = store.url.with_untracked(|url| (url.layer, url.head));
        match event.key().as_str() {
            "[" => store.pin_head(layer.saturating_sub(1), head),
            "]" => store.pin_head((layer + 1).min(n_layers.saturating_sub(1)), head),
            "{" => store.pin_head(layer, head.saturating_sub(1)),
            "}" => store.pin_head(layer, (head + 1).min(n_heads.saturating_sub(1))),
            "/" => {
                let prompt = document().get_element_by_id("prompt");
                if let Some(prompt) = prompt.and_then(|p| p.dyn_into::<web_sys::HtmlElement>().ok())
                {
                    event.prevent_default();
                    // It is on the page, so it takes the focus.
                    let _ = prompt.focus();
                }
            }
            _ => {}
        }
    });
    on_cleanup(move || handle.remove());
}

fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|target| {
        matches!(target.tag_name().as_str(), "TEXTAREA" | "SELECT")
            || target.tag_name() == "INPUT"
                && target.get_attribute("type").as_deref() != Some("range")
    })
}

/// The `?` button and its dialog.
#[component]
pub fn KeysHelp() -> AnyView {
    let open = RwSignal::new(false);
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.key() == "?" && !is_typing(&event) {
            open.set(true);
        }
    });
    on_cleanup(move || handle.remove());
    let rows = move || {
        KEYS.iter()
            .map(|(key, what)| {
                view! { <tr><th scope="row"><kbd>{*key}</kbd></th><td>{*what}</td></tr> }.into_any()
            })
            .collect::<Vec<_>>()
    };
    view! {
        <button
            type="button"
            class="quiet"
            data-testid="keys"
            aria-label="Keys"
            title="Keys (?)"
            on:click=move |_| open.set(true)
        >
            {"?"}
        </button>
        <Dialog open title="Keys" testid="keys-dialog">
            <table class="data keys"><tbody>{rows()}</tbody></table>
        </Dialog>
    }
    .into_any()
}
