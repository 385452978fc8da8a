//! The text, live as you type; its continuation.

use leptos::prelude::*;

use crate::explorer::settings::Settings;
use crate::parts::icon;
use crate::protocol::{GenerateEnd, ToWorker};
use crate::state::{browser, use_store};

/// Text, pair, generate and stop.
#[component]
pub fn Prompt() -> AnyView {
    let store = use_store();
    let text = Memo::new(move |_| store.url.read().text.clone());
    let pair = Memo::new(move |_| store.url.read().pair.clone());
    let is_encoder = move || store.card.get().is_some_and(|card| !card.causal);
    // A pause in typing ends a step of the history.
    let last_typed = StoredValue::new(0.0_f64);
    let typed = move |change: &dyn Fn(&mut crate::state::url::UrlState)| {
        let now = js_sys::Date::now();
        let is_step = now - last_typed.get_value() > 1500.0;
        last_typed.set_value(now);
        if is_step {
            store.choose(change);
        } else {
            store.adjust(change);
        }
        store.run_text();
    };
    let on_text = move |event: leptos::ev::Event| {
        let value = event_target_value(&event);
        browser::keep_text(&value);
        typed(&|url| {
            url.text.clone_from(&value);
            (url.query, url.key) = (None, None);
        });
    };
    let on_pair = move |event: leptos::ev::Event| {
        let value = event_target_value(&event);
        typed(&|url| url.pair = Some(value.clone()).filter(|pair| !pair.is_empty()));
    };
    view! {
        <div class="prompt" class:with-pair=is_encoder>
            <textarea
                id="prompt"
                data-testid="prompt"
                aria-label="Text for the model"
                rows="1"
                spellcheck="false"
                autocapitalize="off"
                dir="auto"
                placeholder="Type a text: everything below shows what the model does with it"
                prop:value=text
                on:input=on_text
            ></textarea>
            <Show when=is_encoder>
                <textarea
                    data-testid="pair"
                    aria-label="Second text, compared as a pair"
                    rows="1"
                    spellcheck="false"
                    dir="auto"
                    placeholder="Second text of a pair, if you want"
                    prop:value=move || pair.get().unwrap_or_default()
                    on:input=on_pair
                ></textarea>
            </Show>
            <Continue />
        </div>
    }
    .into_any()
}

#[component]
fn Continue() -> AnyView {
    let store = use_store();
    let is_causal = move || store.card.get().is_none_or(|card| card.causal);
    let is_ready = move || store.card.read().is_some() && !store.tokens.read().is_empty();
    let ended = move || {
        store.ended.get().and_then(|end| match end {
            GenerateEnd::Length | GenerateEnd::Stopped => None,
            GenerateEnd::EndToken => Some("The model ended its text."),
            GenerateEnd::Context => Some("The context is full."),
        })
    };
    view! {
        <Show when=is_causal>
            <div class="continue">
                <span class="hint" role="status">{ended}</span>
                <Show
                    when=move || store.generating.get()
                    fallback=move || {
                        view! {
                            <button
                                type="button"
                                class="act"
                                data-testid="generate"
                                disabled=move || !is_ready()
                                on:click=move |_| store.generate()
                            >
                                {icon::play()}
                                "Generate"
                            </button>
                        }
                    }
                >
                    <button
                        type="button"
                        class="act"
                        data-testid="stop"
                        on:click=move |_| store.post(&ToWorker::Stop)
                    >
                        {icon::stop()}
                        "Stop"
                    </button>
                </Show>
                <Settings />
            </div>
        </Show>
    }
    .into_any()
}
