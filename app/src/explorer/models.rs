//! Choosing a model: one beside the page, files from disk, or a repository of the hub.

use wasm_bindgen::JsValue;
use web_sys::Event;

use crate::format;
use crate::parts::dom::{Child, El, View, close_around, el, input_of, part, show, text, value_of};
use crate::parts::icon;
use crate::protocol::{FaultPlace, LoadProgress, ModelOffer, ModelSource, ToWorker};
use crate::state::cell::Var;
use crate::state::url::hub_from_text;
use crate::state::{Store, inbox, use_store};

/// The model's name, and the ways to another.
pub fn model_picker() -> View {
    let store = use_store();
    let title = move || match (store.model.get(), &*store.progress.read()) {
        (_, Some(progress)) => match progress.total {
            Some(total) if total > 0 => {
                let share = 100.0 * progress.received as f64 / total as f64;
                format!("Model: {} %", format::fixed(share, 0))
            }
            _ => "Model: opening".into(),
        },
        (Some(card), None) => card.title.clone(),
        (None, None) => "No model".into(),
    };
    let verified = part(move || {
        let Some(card) = store.model.get() else { return Vec::new() };
        let mark = if card.verified { "✓" } else { "not verified" };
        let words = super::card::verified(&card);
        vec![el!(span class="mark").set("title", &words).child(mark).into()]
    });
    let summary = el!(summary data-testid="model-picker")
        .child(el!(bdi).text(title))
        .child(verified)
        .child(icon::down());
    let body =
        el!(div class="drop-body model-body").child(offers()).child(from_disk()).child(from_hub());
    let picker = el!(details class="drop").closes_on_escape().child(summary).child(body);
    let loading = show(move || store.progress.read().is_some(), move || progress(store).into());
    vec![picker.into(), loading].into_node()
}

fn offers() -> View {
    let store = use_store();
    let offers = part(move || {
        let offers = store.offers.read();
        let groups = offers.chunk_by(|one, next| suite(one).is_some() && suite(one) == suite(next));
        groups
            .map(|group| if group.len() > 1 { suite_view(group) } else { offer_view(&group[0]) })
            .collect()
    });
    let none = move || {
        store.offers.read().is_empty().then_some(
            "No model lies beside the page. Open one from your disk, or name one of the hub.",
        )
    };
    vec![
        el!(h3).child("Included with this page").into(),
        el!(ul class="offers").child(offers).into(),
        el!(p class="hint").text(none).into(),
    ]
    .into_node()
}

fn offer_view(offer: &ModelOffer) -> View {
    let store = use_store();
    let name = offer.name.clone();
    let cached = if offer.cached { ", already here" } else { "" };
    let facts = format!("{}{cached}, {}", format::bytes(offer.bytes), offer.licence);
    let button = el!(button type="button" class="offer")
        .set("data-testid", &format!("model-offer-{name}"))
        .on("click", move |event: Event| {
            close_around(&event);
            store.load(ModelSource::Bundled(name.clone()));
        })
        .child(el!(bdi).child(offer.title.as_str()))
        .child(el!(span class="offer-facts").child(facts));
    el!(li).child(button).into()
}

/// The folder that a checkpoint of a run shares with the run's others.
fn suite(offer: &ModelOffer) -> Option<&str> {
    Some(offer.name.rsplit_once('/')?.0)
}

/// One run, kept after several steps: a button for each.
fn suite_view(checkpoints: &[ModelOffer]) -> View {
    let store = use_store();
    let step_view = |offer: &ModelOffer| {
        let name = offer.name.clone();
        let step = name.rsplit_once("step-").map_or(name.as_str(), |(_, step)| step).to_owned();
        el!(button type="button" class="checkpoint")
            .set("data-testid", &format!("model-offer-{name}"))
            .set("aria-label", &offer.title)
            .on("click", move |event: Event| {
                close_around(&event);
                store.load(ModelSource::Bundled(name.clone()));
            })
            .child(step)
            .into()
    };
    let steps: Vec<View> = checkpoints.iter().map(step_view).collect();
    let last = &checkpoints[checkpoints.len() - 1];
    let title = last.title.split(", after").next().unwrap_or_default();
    let facts = format!("{} each, {}", format::bytes(last.bytes), last.licence);
    let head = el!(div class="suite-head")
        .child(el!(bdi).child(title))
        .child(el!(span class="offer-facts").child(facts));
    let row = el!(div class="checkpoints")
        .child(el!(span class="hint").child("after steps"))
        .child(steps);
    el!(li class="offer suite").child(head).child(row).into()
}

fn from_disk() -> View {
    let store = use_store();
    let on_change = move |event: Event| {
        let Some(input) = input_of(&event) else { return };
        if let Some(files) = input.files() {
            load_files(store, &files);
        }
        // So that the same file can be chosen again.
        input.set_value("");
    };
    let input = el!(input type="file" multiple="" data-testid="model-files" accept=".gguf,.safetensors,.json,.bin")
        .on("change", on_change);
    vec![
        el!(h3).child("From your disk").into(),
        el!(label class="file").child(el!(span).child("Choose files")).child(input).into(),
        el!(p class="hint")
            .child("One GGUF, or config.json with model.safetensors and tokenizer.json, or a Marian model’s .bin with its lexical shortlist and tokenizer.json. Or drop them on the page. They stay on this machine.")
            .into(),
    ]
    .into_node()
}

fn from_hub() -> El {
    let store = use_store();
    let text = Var::new(String::new());
    let submit = move |event: Event| {
        event.prevent_default();
        let asked = text.read_untracked();
        match hub_from_text(asked.trim()) {
            Some(source) => {
                close_around(&event);
                store.load(source);
            }
            None => inbox::fault(
                store,
                FaultPlace::Model,
                format!("“{}” is not the name of a repository.", asked.trim()),
                "Write owner/name, with @revision or :file behind it if you want.",
            ),
        }
    };
    let input = el!(input type="text" data-testid="model-hub" aria-labelledby="hub-name"
        placeholder="owner/name@revision" maxlength="300" autocomplete="off" spellcheck="false")
    .value(move || text.get())
    .on("input", move |event: Event| text.set(value_of(&event)));
    let button = el!(button type="submit" data-testid="model-load").child("Load");
    el!(form)
        .on("submit", submit)
        .child(el!(h3 id="hub-name").child("From the Hugging Face hub"))
        .child(el!(div class="hub-row").child(input).child(button))
        .child(
            el!(p class="hint").child("The only time the page asks another site: huggingface.co."),
        )
}

/// Bytes, rate and a way out, while a model comes.
fn progress(store: Store) -> El {
    let cancel = move || {
        store.post(&ToWorker::CancelLoad);
        store.progress.set(None);
    };
    let total = move || (*store.progress.read()).as_ref().and_then(|progress| progress.total);
    let received = move || (*store.progress.read()).as_ref().map_or(0, |p| p.received);
    let bar = el!(progress aria-label="Loading the model")
        .attr("max", move || total().unwrap_or(1).to_string())
        .attr("value", move || total().map(|_| received().to_string()));
    let words = text(move || (*store.progress.read()).as_ref().map(words));
    let button =
        el!(button type="button" data-testid="model-cancel").when("click", cancel).child("Cancel");
    el!(div class="loading" data-testid="model-progress")
        .child(bar)
        .child(el!(span class="num").child(words))
        .child(button)
}

fn words(progress: &LoadProgress) -> String {
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
