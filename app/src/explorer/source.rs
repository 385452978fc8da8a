//! The tokens of the source of an encoder–decoder.

use web_sys::KeyboardEvent;

use crate::explorer::is_pair;
use crate::explorer::strip::{describe, next_token, side_name};
use crate::lens::tokens::label;
use crate::parts::dom::{View, el, focus, list, show};
use crate::protocol::Attention;
use crate::state::cell::derive;
use crate::state::{Hover, Store, use_store};

/// The strip; only where there is a source.
pub fn strip() -> View {
    let store = use_store();
    let is_pair = is_pair(store);
    show(move || is_pair.get(), move || source(store))
}

fn source(store: Store) -> View {
    let empty = move || {
        store.source.read().is_empty().then_some("Type a source: the encoder reads it whole.")
    };
    let make = move |idx| token_view(store, idx);
    let tokens = list(move || store.source.read().len(), make);
    let strip = el!(div class="tokens" role="listbox" aria-label="Tokens of the source"
        aria-orientation="horizontal" data-testid="source-strip")
    .on("keydown", move |event: KeyboardEvent| on_key(store, &event))
    .when("pointerleave", move || store.preview(Hover::default()))
    .child(tokens);
    let notice = el!(p class="notice" data-testid="source-notice" role="status")
        .text(move || store.source_notice.get());
    el!(div class="strip strip-source")
        .child(side_name(store, "source"))
        .child(strip)
        .child(el!(span class="hint").text(empty))
        .child(notice)
        .into()
}

/// The pinned source token: among those that look, or that are looked at.
fn pinned(store: Store) -> Option<u32> {
    let url = store.url.read();
    match store.attention.get() {
        Attention::Encoder => url.query,
        Attention::Cross => url.key,
        Attention::Own | Attention::Decoder => None,
    }
}

fn token_view(store: Store, idx: usize) -> View {
    let token = derive(move || store.source.read().get(idx).cloned());
    let text = move || (*token.read()).as_ref().map(|t| label(&t.text, 24));
    let id = move || (*token.read()).as_ref().map(|t| t.id.to_string());
    let title = move || (*token.read()).as_ref().map(|t| describe(t, idx)).unwrap_or_default();
    let is_special = move || (*token.read()).as_ref().is_some_and(|t| t.special);
    let is_pinned = derive(move || pinned(store) == Some(idx as u32));
    let is_stop = derive(move || {
        let last = store.source.read().len().saturating_sub(1);
        (pinned(store).unwrap_or(0) as usize).min(last) == idx
    });
    let is_focused = derive(move || {
        store.attention.get() == Attention::Encoder && store.focus.read().query == Some(idx)
    });
    let is_key = derive(move || {
        let attends = matches!(store.attention.get(), Attention::Encoder | Attention::Cross);
        attends && store.focus.read().key == Some(idx)
    });
    let point = move || {
        let at = Some(idx as u32);
        match store.attention.get_untracked() {
            Attention::Encoder => store.preview(Hover { query: at, ..Hover::default() }),
            Attention::Cross => store.preview(Hover { key: at, ..Hover::default() }),
            Attention::Own | Attention::Decoder => {}
        }
    };
    el!(button type="button" class="token" role="option")
        .class("special", is_special)
        .class("pinned", move || is_pinned.get())
        .class("focused", move || is_focused.get())
        .class("looked-at", move || is_key.get())
        .set("data-testid", &format!("source-{idx}"))
        .set("data-source", &idx.to_string())
        .attr("tabindex", move || if is_stop.get() { "0" } else { "-1" })
        .state("aria-selected", move || is_pinned.get())
        .attr("title", title)
        .when("click", move || store.press_source(idx as u32))
        .when("pointerenter", point)
        .child(el!(bdi class="token-text").text(text))
        .child(el!(span class="token-id num").text(id))
        .into()
}

fn on_key(store: Store, event: &KeyboardEvent) {
    let n_tokens = store.source.read_untracked().len();
    let Some(to) = next_token(event, "data-source", n_tokens) else { return };
    let attention = store.attention.get_untracked();
    if attention == Attention::Decoder {
        store.attend(Attention::Cross);
    }
    store.adjust(|url| match attention {
        Attention::Encoder => url.query = Some(to as u32),
        _ => url.key = Some(to as u32),
    });
    focus(&format!("[data-testid=source-{to}]"));
}
