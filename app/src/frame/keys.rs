//! Keys that work anywhere on the page, and the dialog that lists them.

use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::parts::dialog::dialog;
use crate::parts::dom::{Child, View, el, focus, on_window};
use crate::parts::frame::fixed;
use crate::protocol::Attention;
use crate::state::Store;
use crate::state::cell::Var;
use crate::state::url::Place;

const KEYS: &[(&str, &str)] = &[
    ("Tab", "from control to control and panel to panel"),
    ("← ↑ → ↓", "in the token strip, the wall and every matrix: move the selection"),
    ("Home, End", "first and last of a row"),
    ("Enter", "pin what the cursor is on"),
    ("Escape", "let go of tokens and close what is open"),
    ("[ and ]", "layer before, layer after"),
    ("{ and }", "head before, head after"),
    ("a", "next of an encoder–decoder’s three attentions"),
    ("/", "to the text"),
    ("t", "in the Lab: train"),
    ("p", "in the Lab: pause, go on"),
    ("s", "in the Lab: one step"),
    ("?", "this list"),
    ("Alt+← and Alt+→", "undo and redo: each choice is a step of the browser’s history"),
];

/// Listens for as long as the page lives.
pub fn listen(store: Store) {
    on_window("keydown", move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented() {
            return;
        }
        if store.url.read_untracked().place != Place::Explorer {
            return;
        }
        if event.key() == "Escape" {
            store.let_go();
            return;
        }
        if is_typing(&event) {
            return;
        }
        let Some(card) = store.card.get_untracked() else { return };
        let (n_layers, n_heads) = (card.n_layers as u16, card.n_heads as u16);
        let url = store.url.read_untracked();
        let (layer, head) = (url.layer, url.head);
        match event.key().as_str() {
            "[" => store.pin_head(layer.saturating_sub(1), head),
            "]" => store.pin_head((layer + 1).min(n_layers.saturating_sub(1)), head),
            "{" => store.pin_head(layer, head.saturating_sub(1)),
            "}" => store.pin_head(layer, (head + 1).min(n_heads.saturating_sub(1))),
            "a" => next_attention(store),
            "/" if focus("#prompt") => event.prevent_default(),
            _ => {}
        }
    });
}

/// The three attentions of an encoder–decoder, one after another.
fn next_attention(store: Store) {
    store.attend(match store.attention.get_untracked() {
        Attention::Own => return,
        Attention::Encoder => Attention::Decoder,
        Attention::Decoder => Attention::Cross,
        Attention::Cross => Attention::Encoder,
    });
}

/// Whether a key is part of what is being typed or chosen.
pub fn is_typing(event: &KeyboardEvent) -> bool {
    // The target of a key is an element, or the window's document, which has no tag.
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| {
        matches!(target.tag_name().as_str(), "TEXTAREA" | "SELECT")
            || target.tag_name() == "INPUT"
                && target.get_attribute("type").as_deref() != Some("range")
    })
}

/// The `?` button and its dialog.
pub fn keys_help() -> View {
    let open = Var::new(false);
    on_window("keydown", move |event: KeyboardEvent| {
        if event.key() == "?" && !is_typing(&event) {
            open.set(true);
        }
    });
    let row = |(key, what): &(&'static str, &'static str)| {
        let name = el!(th scope="row").child(el!(kbd).child(*key));
        el!(tr).child(name).child(el!(td).child(*what)).into()
    };
    let rows = move || {
        let rows: Vec<View> = KEYS.iter().map(row).collect();
        el!(table class="data keys").child(el!(tbody).child(rows)).into()
    };
    let button =
        el!(button type="button" class="quiet" data-testid="keys" aria-label="Keys" title="Keys (?)")
            .when("click", move || open.set(true))
            .child("?");
    vec![button.into(), dialog(open, fixed("Keys"), "keys-dialog", rows).into()].into_node()
}
