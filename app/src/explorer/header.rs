//! The top line: name, model, engine, theme, keys.

use leptos::html;
use leptos::prelude::*;

use crate::explorer::keys::KeysHelp;
use crate::explorer::models::ModelPicker;
use crate::parts::icon;
use crate::protocol::{EngineChoice, ToWorker};
use crate::state::url::Theme;
use crate::state::use_store;

/// The top line.
#[component]
pub fn Header() -> AnyView {
    let store = use_store();
    let toggle = move |_| {
        let next = if store.dark.get_untracked() { Theme::Light } else { Theme::Dark };
        store.choose(|url| url.theme = next);
    };
    let theme_name = move || if store.dark.get() { "Paper colours" } else { "Night colours" };
    view! {
        <header class="top">
            <h1 class="wordmark">{"Vitrine"}</h1>
            <nav class="rooms" aria-label="Parts of Vitrine">
                <span class="closed" title="Not open yet">{"Rooms"}</span>
                <span aria-current="page" class="here">{"Explorer"}</span>
                <span class="closed" title="Not open yet">{"Lab"}</span>
                <span class="closed-note">{"Rooms and Lab are not open yet"}</span>
            </nav>
            <div class="top-tools">
                <ModelPicker />
                <EngineBadge />
                <button
                    type="button"
                    class="quiet"
                    data-testid="theme"
                    aria-label=theme_name
                    title=theme_name
                    on:click=toggle
                >
                    {icon::theme()}
                </button>
                <KeysHelp />
            </div>
        </header>
    }
    .into_any()
}

/// Which engine runs, why, and the choice of another.
#[component]
fn EngineBadge() -> AnyView {
    let store = use_store();
    let details = NodeRef::<html::Details>::new();
    let name = move || match store.engine.get() {
        None => "Engine: starting".into(),
        Some(engine) if engine.gpu && engine.software => "Engine: WebGPU in software".to_owned(),
        Some(engine) if engine.gpu => "Engine: WebGPU".into(),
        Some(_) => "Engine: CPU".into(),
    };
    let what = move || store.engine.get().map(|engine| engine.name).unwrap_or_default();
    let why = move || store.engine.get().map(|engine| engine.why).unwrap_or_default();
    let has_gpu = move || store.engine.get().is_some_and(|engine| engine.gpu_available);
    let choose = move |choice: EngineChoice| {
        store.choose(|url| url.engine = choice);
        store.post(&ToWorker::UseEngine(choice));
    };
    let option = move |choice: EngineChoice, name: &'static str, word: &'static str| {
        view! {
            <label class="choice">
                <input
                    type="radio"
                    name="engine"
                    value=word
                    data-testid=format!("engine-choice-{word}")
                    prop:checked=move || store.url.read().engine == choice
                    disabled=move || choice == EngineChoice::Gpu && !has_gpu()
                    on:change=move |_| choose(choice)
                />
                <span>{name}</span>
            </label>
        }
        .into_any()
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
            && details.open()
        {
            details.set_open(false);
            event.stop_propagation();
        }
    };
    view! {
        <details class="drop" node_ref=details on:keydown=on_key>
            <summary data-testid="engine-badge">
                <span>{name}</span>
                {icon::down()}
            </summary>
            <div class="drop-body">
                <p class="engine-name"><bdi>{what}</bdi></p>
                <p>{why}</p>
                <fieldset data-testid="engine-choice">
                    <legend>{"Engine"}</legend>
                    {option(EngineChoice::Auto, "The faster one", "auto")}
                    {option(EngineChoice::Gpu, "WebGPU", "gpu")}
                    {option(EngineChoice::Cpu, "CPU", "cpu")}
                </fieldset>
            </div>
        </details>
    }
    .into_any()
}
