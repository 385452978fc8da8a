//! What comes next: the most probable tokens, with the arithmetic of softmax.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::settings::Temperature;
use crate::explorer::similarity::Pooled;
use crate::format;
use crate::lens::predict::{Bar, Distribution, distribution};
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::frame::{Kit, Panel};
use crate::parts::term::Term;
use crate::state::{Store, use_store};

/// Bars on screen.
const N_BARS: usize = 8;

/// The panel; encoders, which predict no next token, get another in its place.
#[component]
pub fn NextToken() -> AnyView {
    let store = use_store();
    let is_causal = Memo::new(move |_| store.card.get().is_none_or(|card| card.causal));
    view! {
        <Show when=move || is_causal.get() fallback=|| view! { <Pooled /> }>
            <Predictions />
        </Show>
    }
    .into_any()
}

#[component]
fn Predictions() -> AnyView {
    let store = use_store();
    let shown = Memo::new(move |_| {
        let expected = store.expected.get()?;
        let sampling = store.url.read().sampling;
        Some(Arc::new(distribution(&expected.logits, &expected.predictions.top, sampling)))
    });
    let chosen = RwSignal::new(0_usize);
    let kit = Kit {
        id: "predictions",
        explain: &[
            "After the last token the model gives every token of its vocabulary a logit. Divide by the temperature, take e to the power of it, divide by the sum over all: that is the probability.",
            "Top-k and top-p cut the tail off before a token is drawn; what is left is divided by its own sum. None of this runs the model again.",
            "Point at a bar to see its arithmetic.",
        ],
        table: Some(Callback::new(move |()| shown.get_untracked().map(|d| table(&d)))),
        picture: None,
        hooks: Some(Callback::new(|()| vec!["logits".into()])),
    };
    let title = Signal::derive(move || {
        let tokens = store.tokens.get();
        match tokens.last() {
            Some(last) => format!("Next token, after “{}”", label(&last.text, 16)),
            None => "Next token".into(),
        }
    });
    let rows = move || (0..N_BARS).map(|idx| bar_view(shown, chosen, idx)).collect::<Vec<_>>();
    let is_waiting = move || shown.read().is_none();
    let note = move || shown.get().map(|d| note(&d));
    view! {
        <Panel kit title>
            <ol class="bars" class:waiting=is_waiting aria-label="Most probable next tokens">
                {rows()}
            </ol>
            <Arithmetic shown chosen />
            <Temperature />
            <p class="hint">{note} " " <Glossary /></p>
        </Panel>
    }
    .into_any()
}

#[component]
fn Glossary() -> AnyView {
    view! { <Term word="logit" />" · "<Term word="softmax" />" · "<Term word="temperature" /> }
        .into_any()
}

fn bar_view(
    shown: Memo<Option<Arc<Distribution>>>,
    chosen: RwSignal<usize>,
    idx: usize,
) -> AnyView {
    let bar = Memo::new(move |_| shown.read().as_ref().and_then(|d| d.bars.get(idx).cloned()));
    let text = move || bar.read().as_ref().map(|b| label(&b.candidate.text, 16));
    // Lengths are in proportion, and the longest fills the track.
    let share = move || {
        let longest = shown.read().as_ref().map_or(0.0, |d| longest(d));
        bar.read().as_ref().map_or(0.0, |b| b.probability / longest.max(f32::MIN_POSITIVE))
    };
    let number = move || bar.read().as_ref().map(|b| format::three(b.probability));
    let exact = move || bar.read().as_ref().map(|b| format::exact(b.probability));
    let is_cut = move || bar.read().as_ref().is_some_and(|b| !b.kept);
    let is_chosen = move || chosen.get() == idx;
    view! {
        <li class:cut=is_cut class:unseen=move || bar.read().is_none()>
            <button
                type="button"
                class="bar"
                class:chosen=is_chosen
                data-testid=format!("prediction-{idx}")
                title=exact
                aria-pressed=move || if is_chosen() { "true" } else { "false" }
                on:pointerenter=move |_| chosen.set(idx)
                on:focus=move |_| chosen.set(idx)
                on:click=move |_| chosen.set(idx)
            >
                <bdi class="bar-text">{text}</bdi>
                <span class="bar-track" aria-hidden="true">
                    <span class="bar-fill" style:width=move || format!("{}%", share() * 100.0)></span>
                </span>
                <span class="bar-number num">{number}</span>
            </button>
        </li>
    }
    .into_any()
}

fn longest(all: &Distribution) -> f32 {
    all.bars.iter().map(|bar| bar.probability).fold(0.0, f32::max)
}

/// logit ÷ T → exp → ÷ Σ, for the chosen bar.
#[component]
fn Arithmetic(shown: Memo<Option<Arc<Distribution>>>, chosen: RwSignal<usize>) -> AnyView {
    let store = use_store();
    let words = move || {
        let all = shown.get()?;
        let bar = all.bars.get(chosen.get())?.clone();
        Some(arithmetic(&all, &bar, store))
    };
    view! { <p class="arithmetic num" data-testid="arithmetic">{words}</p> }.into_any()
}

fn arithmetic(all: &Distribution, bar: &Bar, store: Store) -> String {
    let temperature = store.url.read().sampling.temperature;
    let three = format::three;
    if temperature <= 0.0 {
        return format!(
            "logit {}: at temperature 0 the largest is taken",
            three(bar.candidate.logit)
        );
    }
    if !bar.kept {
        return format!("{} of all, cut off by top-k or top-p", three(bar.share));
    }
    format!(
        "{} ÷ {} = {} → e^({} − {}) = {} → ÷ {} = {}",
        three(bar.candidate.logit),
        three(temperature),
        three(bar.scaled),
        three(bar.scaled),
        three(all.max),
        three(bar.exponential),
        three(all.kept_sum),
        three(bar.probability),
    )
}

fn note(all: &Distribution) -> String {
    let mut words = format!("Entropy {} nats", format::three(all.entropy));
    let n_all = all.bars.len();
    if all.n_kept > 0 && all.n_kept < n_all {
        words.push_str(&format!(", {} can be drawn", format::plural(all.n_kept, "token")));
    }
    if all.n_non_finite > 0 {
        words.push_str(&format!(", {} logits are not finite", all.n_non_finite));
    }
    words.push('.');
    words
}

fn table(all: &Distribution) -> Table {
    let columns = ["token", "id", "logit", "÷ T", "exp", "share of all", "probability"];
    let rows = all.bars.iter().map(|bar| {
        vec![
            bar.candidate.text.clone(),
            bar.candidate.id.to_string(),
            bar.candidate.logit.to_string(),
            bar.scaled.to_string(),
            bar.exponential.to_string(),
            bar.share.to_string(),
            bar.probability.to_string(),
        ]
    });
    Table {
        caption: "The most probable next tokens".into(),
        columns: columns.map(Into::into).to_vec(),
        rows: rows.collect(),
    }
}
