//! The tokens of the text: ids, bytes, spaces and control characters visible.

use web_sys::KeyboardEvent;

use crate::explorer::is_recorded;
use crate::format;
use crate::lens::tokens::{bytes_text, label};
use crate::parts::dom::{Child, El, View, around, el, focus, list, show};
use crate::protocol::{Attention, TokenView};
use crate::state::cell::{Derived, derive};
use crate::state::{Hover, Store, use_store};

/// The strip and the line about the last run.
pub fn strip() -> El {
    let store = use_store();
    let is_pair_model = crate::explorer::is_pair(store);
    let empty = move || {
        (store.model.read().is_some() && store.tokens.read().is_empty()).then(
            || match is_pair_model.get() {
                true => "Here stand the tokens of the target, once there is a source.",
                false => "Here stand the tokens of your text. Type something above.",
            },
        )
    };
    let is_pair = derive(move || store.tokens.read().iter().any(|token| token.second));
    let make = move |idx| token_view(store, is_pair, idx);
    let tokens = list(move || store.tokens.read().len(), make);
    let name = move || if is_pair_model.get() { "Tokens of the target" } else { "Tokens" };
    let strip = el!(div class="tokens" role="listbox" aria-orientation="horizontal" data-testid="token-strip")
    .attr("aria-label", name)
    .class("waiting", move || store.card.read().is_none())
    .on("keydown", move |event: KeyboardEvent| on_key(store, &event))
    .when("pointerleave", move || store.preview(Hover::default()))
    .child(tokens);
    el!(div class="strip")
        .child(side_name(store, "target"))
        .child(strip)
        .child(el!(span class="hint").text(empty))
        .child(show(move || is_pair.get(), sides_key))
        .child(report(store))
}

fn token_view(store: Store, is_pair: Derived<bool>, idx: usize) -> View {
    // One memo a token: typing at the end leaves the nodes before it alone.
    let token = derive(move || store.tokens.read().get(idx).cloned());
    let text = move || (*token.read()).as_ref().map(|t| label(&t.text, 24));
    // Under a masked token stands what the model would put there.
    let id = move || {
        let token = token.read();
        let token = (*token).as_ref()?;
        if !token.masked {
            let card = store.card.read();
            let facts = card.as_ref().as_ref().and_then(|card| card.recorded.as_ref());
            // Ids that no file says are not made up.
            return facts.is_none_or(|facts| facts.has_ids).then(|| token.id.to_string());
        }
        let places = store.masked.read();
        let place = places.iter().find(|place| place.position == idx as u32);
        Some(match place.and_then(|place| place.top.first()) {
            Some(best) => format!("→ {} {}", label(&best.text, 12), format::three(best.logit)),
            None => "masked".into(),
        })
    };
    let is_special = move || (*token.read()).as_ref().is_some_and(|t| t.special);
    let is_masked = derive(move || (*token.read()).as_ref().is_some_and(|t| t.masked));
    let side = move |second: bool| {
        let is_of = (*token.read()).as_ref().is_some_and(|t| t.second == second);
        is_of && is_pair.get()
    };
    let is_generated = move || (*token.read()).as_ref().is_some_and(|t| t.generated);
    // Of an encoder–decoder these are the target's tokens.
    let looks = move || store.attention.get() != Attention::Encoder;
    let is_seen = move || matches!(store.attention.get(), Attention::Own | Attention::Decoder);
    let is_pinned = derive(move || looks() && store.url.read().query == Some(idx as u32));
    let is_focused = derive(move || looks() && store.focus.read().query == Some(idx));
    let is_key = derive(move || is_seen() && store.focus.read().key == Some(idx));
    let is_stop = derive(move || {
        let pinned = store.url.read().query.filter(|_| looks());
        let last = store.tokens.read().len().saturating_sub(1);
        (pinned.unwrap_or(0) as usize).min(last) == idx
    });
    let title = move || (*token.read()).as_ref().map(|t| describe(t, idx)).unwrap_or_default();
    let hover = Hover { query: Some(idx as u32), ..Hover::default() };
    el!(button type="button" class="token" role="option")
        .class("special", is_special)
        .class("generated", is_generated)
        .class("masked", move || is_masked.get())
        .class("side-a", move || side(false))
        .class("side-b", move || side(true))
        .class("pinned", move || is_pinned.get())
        .class("focused", move || is_focused.get())
        .class("looked-at", move || is_key.get())
        .set("data-testid", &format!("token-{idx}"))
        .set("data-idx", &idx.to_string())
        .attr("tabindex", move || if is_stop.get() { "0" } else { "-1" })
        .state("aria-selected", move || is_pinned.get())
        .attr("title", title)
        .when("click", move || store.press_token(idx as u32))
        .when("pointerenter", move || store.preview(hover))
        .child(el!(bdi class="token-text").text(text))
        .child(el!(span class="token-id num").text(id))
        .into()
}

/// What the two colours of the strip mean.
fn sides_key() -> View {
    let side = |class: &str, name: &str| {
        el!(span class="key").child(el!(i).set("class", class)).child(name)
    };
    el!(p class="legend")
        .child(side("side-a", "A, first text"))
        .child(side("side-b", "B, second text"))
        .into()
}

/// Which text of an encoder–decoder a strip shows.
pub fn side_name(store: Store, name: &'static str) -> View {
    let is_pair = crate::explorer::is_pair(store);
    show(move || is_pair.get(), move || el!(span class="strip-name hint").child(name).into())
}

pub fn describe(token: &TokenView, idx: usize) -> String {
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
    if token.masked {
        words.push_str(", masked");
    }
    words
}

/// Where a key moves to in a strip whose tokens have their number in an attribute.
pub fn next_token(event: &KeyboardEvent, attribute: &str, n_tokens: usize) -> Option<usize> {
    let last = n_tokens.checked_sub(1)?;
    let token = around(event, &format!("[{attribute}]"))?;
    let at = token.get_attribute(attribute)?.parse::<usize>().ok()?;
    let to = match event.key().as_str() {
        "ArrowLeft" | "ArrowUp" => at.saturating_sub(1),
        "ArrowRight" | "ArrowDown" => (at + 1).min(last),
        "Home" => 0,
        "End" => last,
        _ => return None,
    };
    event.prevent_default();
    event.stop_propagation();
    Some(to)
}

fn on_key(store: Store, event: &KeyboardEvent) {
    let n_tokens = store.tokens.read_untracked().len();
    let Some(to) = next_token(event, "data-idx", n_tokens) else { return };
    if store.attention.get_untracked() == Attention::Encoder {
        store.attend(Attention::Cross);
    }
    store.adjust(|url| url.query = Some(to as u32));
    focus(&format!("[data-testid=token-{to}]"));
}

/// How the run went.
fn report(store: Store) -> View {
    let words = move || {
        let report = store.report.get()?;
        let tokens = format::plural(report.n_tokens as usize, "token");
        if is_recorded(store) {
            return Some(format!("{tokens} · recorded"));
        }
        let mut words = format!("{tokens} · {}", format::duration(report.ms));
        if report.n_reused > 0 {
            words.push_str(&format!(" · {} reused", report.n_reused));
        }
        Some(words)
    };
    let from = move || match &*store.engine.read() {
        _ if is_recorded(store) => "A run that was recorded elsewhere",
        None => "",
        Some(engine) if engine.gpu => "This run, on WebGPU",
        Some(_) => "This run, on the CPU engine",
    };
    let report = el!(p class="report num" data-testid="run-report")
        .attr("title", from)
        .child(el!(span class="provenance" aria-hidden="true").child("•"))
        .text(words);
    let notice =
        el!(p class="notice" data-testid="notice" role="status").text(move || store.notice.get());
    vec![report.into(), notice.into()].into_node()
}
