//! The tokens of the text: ids, bytes, spaces and control characters visible.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::format;
use crate::lens::tokens::{bytes_text, label};
use crate::protocol::TokenView;
use crate::state::{Hover, Store, use_store};

/// The strip and the line about the last run.
#[component]
pub fn Strip() -> AnyView {
    let store = use_store();
    let indices = move || 0..store.tokens.read().len();
    let empty = move || {
        (store.card.read().is_some() && store.tokens.read().is_empty())
            .then_some("Here stand the tokens of your text. Type something above.")
    };
    let tokens = move || indices().map(|idx| token_view(store, idx)).collect::<Vec<_>>();
    view! {
        <div class="strip">
            <div
                class="tokens"
                class:waiting=move || store.card.read().is_none()
                role="listbox"
                aria-label="Tokens"
                aria-orientation="horizontal"
                data-testid="token-strip"
                on:keydown=move |event| on_key(store, &event)
                on:pointerleave=move |_| store.preview(Hover::default())
            >
                {tokens}
            </div>
            <span class="hint">{empty}</span>
            <Report />
        </div>
    }
    .into_any()
}

fn token_view(store: Store, idx: usize) -> AnyView {
    // One memo a token: typing at the end leaves the nodes before it alone.
    let token = Memo::new(move |_| store.tokens.read().get(idx).cloned());
    let text = move || token.read().as_ref().map(|t| label(&t.text, 24)).unwrap_or_default();
    let id = move || token.read().as_ref().map(|t| t.id.to_string()).unwrap_or_default();
    let is_special = move || token.read().as_ref().is_some_and(|t| t.special);
    let is_generated = move || token.read().as_ref().is_some_and(|t| t.generated);
    let is_pinned = Memo::new(move |_| store.url.read().query == Some(idx as u32));
    let is_focused = Memo::new(move |_| store.focus.read().query == Some(idx));
    let is_key = Memo::new(move |_| store.focus.read().key == Some(idx));
    let is_stop = Memo::new(move |_| store.url.read().query.unwrap_or(0) == idx as u32);
    let title = move || token.read().as_ref().map(|t| describe(t, idx)).unwrap_or_default();
    let hover = move |_| store.preview(Hover { query: Some(idx as u32), ..Hover::default() });
    view! {
        <button
            type="button"
            class="token"
            role="option"
            class:special=is_special
            class:generated=is_generated
            class:pinned=move || is_pinned.get()
            class:focused=move || is_focused.get()
            class:key=move || is_key.get()
            data-testid=format!("token-{idx}")
            data-idx=idx.to_string()
            tabindex=move || if is_stop.get() { "0" } else { "-1" }
            aria-selected=move || if is_pinned.get() { "true" } else { "false" }
            title=title
            on:click=move |_| store.pin_query(idx as u32)
            on:pointerenter=hover
        >
            <bdi class="token-text">{text}</bdi>
            <span class="token-id num">{id}</span>
        </button>
    }
    .into_any()
}

fn describe(token: &TokenView, idx: usize) -> String {
    let mut words = format!(
        "Token {idx}: {}, id {}, bytes {}",
        label(&token.text, 24),
        token.id,
        bytes_text(&token.bytes)
    );
    if token.special {
        words.push_str(", added by the tokenizer");
    }
    if token.generated {
        words.push_str(", generated");
    }
    words
}

fn on_key(store: Store, event: &KeyboardEvent) {
    let n_tokens = store.tokens.with_untracked(|tokens| tokens.len());
    let Some(last) = n_tokens.checked_sub(1) else { return };
    let at = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .and_then(|target| target.closest("[data-idx]").ok().flatten())
        .and_then(|token| token.get_attribute("data-idx")?.parse::<usize>().ok());
    let Some(at) = at else { return };
    let to = match event.key().as_str() {
        "ArrowLeft" | "ArrowUp" => at.saturating_sub(1),
        "ArrowRight" | "ArrowDown" => (at + 1).min(last),
        "Home" => 0,
        "End" => last,
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    store.adjust(|url| url.query = Some(to as u32));
    let next = document().query_selector(&format!("[data-testid=token-{to}]")).ok().flatten();
    if let Some(next) = next.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
        // It is on the page, so it takes the focus.
        let _ = next.focus();
    }
}

/// How the run went.
#[component]
fn Report() -> AnyView {
    let store = use_store();
    let words = move || {
        store.report.get().map(|report| {
            let mut words = format!(
                "{} · {}",
                format::plural(report.n_tokens as usize, "token"),
                format::duration(report.ms)
            );
            if report.n_reused > 0 {
                words.push_str(&format!(" · {} reused", report.n_reused));
            }
            words
        })
    };
    let from = move || {
        store.engine.get().map_or(String::new(), |engine| {
            format!("This run, on {}", if engine.gpu { "WebGPU" } else { "the CPU engine" })
        })
    };
    view! {
        <p class="report num" data-testid="run-report" title=from>
            <span class="provenance" aria-hidden="true">{"•"}</span>
            {words}
        </p>
        <p class="notice" data-testid="notice" role="status">{move || store.notice.get()}</p>
    }
    .into_any()
}
