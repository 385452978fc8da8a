//! Choosing a model: one beside the page, files from disk, or a repository of the hub.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::format;
use crate::parts::icon;
use crate::protocol::{FaultPlace, ModelOffer, ModelSource, ToWorker};
use crate::state::url::hub_from_text;
use crate::state::{Store, inbox, use_store};

/// The model's name, and the ways to another.
#[component]
pub fn ModelPicker() -> AnyView {
    let store = use_store();
    let details = NodeRef::<html::Details>::new();
    let title = move || match (store.card.get(), store.progress.get()) {
        (_, Some(progress)) => match progress.total {
            Some(total) if total > 0 => {
                format!("Model: {:.0} %", 100.0 * progress.received as f64 / total as f64)
            }
            _ => "Model: opening".into(),
        },
        (Some(card), None) => card.title.clone(),
        (None, None) => "No model".into(),
    };
    let verified = move || {
        store.card.get().map(|card| {
            let (mark, words) = if card.verified {
                ("✓", "Every file matches its published hash")
            } else {
                ("not verified", "There is no published hash to compare with")
            };
            view! { <span class="mark" title=words>{mark}</span> }
        })
    };
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && details.get_untracked().is_some_and(|d| d.open()) {
            close();
            event.stop_propagation();
        }
    };
    let load = Callback::new(move |source: ModelSource| {
        close();
        store.load(source);
    });
    view! {
        <details class="drop" node_ref=details on:keydown=on_key>
            <summary data-testid="model-picker">
                <bdi>{title}</bdi>
                {verified}
                {icon::down()}
            </summary>
            <div class="drop-body model-body">
                <Offers load />
                <FromDisk />
                <FromHub load />
            </div>
        </details>
        <Progress />
    }
    .into_any()
}

#[component]
fn Offers(load: Callback<ModelSource>) -> AnyView {
    let store = use_store();
    let offer_view = move |offer: &ModelOffer| {
        let name = offer.name.clone();
        let source = ModelSource::Bundled(name.clone());
        let cached = if offer.cached { ", already here" } else { "" };
        let facts = format!("{}{cached}, {}", format::bytes(offer.bytes), offer.licence);
        view! {
            <li>
                <button
                    type="button"
                    class="offer"
                    data-testid=format!("model-offer-{name}")
                    on:click=move |_| load.run(source.clone())
                >
                    <bdi>{offer.title.clone()}</bdi>
                    <span class="offer-facts">{facts}</span>
                </button>
            </li>
        }
        .into_any()
    };
    let offers = move || store.offers.get().iter().map(offer_view).collect::<Vec<_>>();
    let none = move || {
        store.offers.read().is_empty().then_some(
            "No model lies beside the page. Open one from your disk, or name one of the hub.",
        )
    };
    view! {
        <h3>{"Beside this page"}</h3>
        <ul class="offers">{offers}</ul>
        <p class="hint">{none}</p>
    }
    .into_any()
}

#[component]
fn FromDisk() -> AnyView {
    let store = use_store();
    let input = NodeRef::<html::Input>::new();
    let on_change = move |_| {
        let Some(input) = input.get_untracked() else { return };
        if let Some(files) = input.files() {
            load_files(store, &files);
        }
        // So that the same file can be chosen again.
        input.set_value("");
    };
    view! {
        <h3>{"From your disk"}</h3>
        <label class="file">
            <span>{"Choose files"}</span>
            <input
                node_ref=input
                type="file"
                multiple
                data-testid="model-files"
                accept=".gguf,.safetensors,.json"
                on:change=on_change
            />
        </label>
        <p class="hint">
            {"One GGUF, or config.json with model.safetensors and tokenizer.json. Or drop them on the page. They stay on this machine."}
        </p>
    }
    .into_any()
}

#[component]
fn FromHub(load: Callback<ModelSource>) -> AnyView {
    let store = use_store();
    let text = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let asked = text.get_untracked();
        match hub_from_text(asked.trim()) {
            Some(source) => load.run(source),
            None => inbox::fault(
                store,
                FaultPlace::Model,
                format!("“{}” is not the name of a repository.", asked.trim()),
                "Write owner/name, with @revision or :file behind it if you want.",
            ),
        }
    };
    view! {
        <form on:submit=submit>
            <h3 id="hub-name">{"From the Hugging Face hub"}</h3>
            <div class="hub-row">
                <input
                    type="text"
                    data-testid="model-hub"
                    aria-labelledby="hub-name"
                    placeholder="owner/name@revision"
                    maxlength="300"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <button type="submit" data-testid="model-load">{"Load"}</button>
            </div>
            <p class="hint">{"The only time the page asks another site: huggingface.co."}</p>
        </form>
    }
    .into_any()
}

/// Bytes, rate and a way out, while a model comes.
#[component]
fn Progress() -> AnyView {
    let store = use_store();
    let cancel = move |_| {
        store.post(&ToWorker::CancelLoad);
        store.progress.set(None);
    };
    let words = move || {
        let Some(progress) = store.progress.get() else { return String::new() };
        let mut words = progress.stage.clone();
        if progress.received > 0 {
            words.push_str(&format!(", {}", format::bytes(progress.received)));
        }
        if let Some(total) = progress.total {
            words.push_str(&format!(" of {}", format::bytes(total)));
        }
        if progress.rate > 0.0 {
            words.push_str(&format!(", {}/s", format::bytes(progress.rate as u64)));
        }
        words
    };
    let total = move || store.progress.get().and_then(|progress| progress.total);
    let received = move || store.progress.get().map_or(0, |progress| progress.received);
    view! {
        <Show when=move || store.progress.read().is_some()>
            <div class="loading" data-testid="model-progress">
                <progress
                    aria-label="Loading the model"
                    max=move || total().unwrap_or(1).to_string()
                    value=move || total().map(|_| received().to_string())
                ></progress>
                <span class="num">{words}</span>
                <button type="button" data-testid="model-cancel" on:click=cancel>{"Cancel"}</button>
            </div>
        </Show>
    }
    .into_any()
}

/// Hands files to the worker.
pub fn load_files(store: Store, files: &web_sys::FileList) {
    if files.length() == 0 {
        return;
    }
    let attachment = js_sys::Array::new();
    for file in (0..files.length()).filter_map(|idx| files.get(idx)) {
        attachment.push(&file);
    }
    store.load_with(ModelSource::Files, &JsValue::from(attachment));
}
