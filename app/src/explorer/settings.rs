//! How the next token is chosen. Changing it never runs the model again.

use leptos::html;
use leptos::prelude::*;

use crate::format;
use crate::parts::icon;
use crate::parts::slider::Slider;
use crate::parts::term::Term;
use crate::protocol::Sampling;
use crate::state::use_store;

/// The temperature, on a slider.
#[component]
pub fn Temperature() -> AnyView {
    let store = use_store();
    let value = Signal::derive(move || f64::from(store.url.read().sampling.temperature));
    let shown = Signal::derive(move || match store.url.read().sampling.temperature {
        t if t <= 0.0 => "0, the first".into(),
        t => format::three(t),
    });
    let start = StoredValue::new(None::<f32>);
    let set = move |value: f64| {
        if start.get_value().is_none() {
            // The first move of a drag opens a step of the history, the others stay in it.
            start.set_value(Some(value as f32));
            store.choose(|url| url.sampling.temperature = value as f32);
        } else {
            store.adjust(|url| url.sampling.temperature = value as f32);
        }
    };
    view! {
        <Slider
            name="Temperature"
            testid="temperature"
            range=(0.0, 2.0, 0.05)
            value
            shown
            on_input=Callback::new(set)
            on_change=Callback::new(move |_| start.set_value(None))
        />
    }
    .into_any()
}

/// The rest of the settings, behind a button.
#[component]
pub fn Settings() -> AnyView {
    let store = use_store();
    let details = NodeRef::<html::Details>::new();
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
            && details.open()
        {
            details.set_open(false);
            event.stop_propagation();
        }
    };
    let sampling = move || store.url.read().sampling;
    let set = move |change: &dyn Fn(&mut Sampling)| store.choose(|url| change(&mut url.sampling));
    view! {
        <details class="drop" node_ref=details on:keydown=on_key>
            <summary data-testid="settings" aria-label="How the next token is chosen">
                {icon::settings()}
            </summary>
            <div class="drop-body settings-body">
                <div class="setting">
                    <Term word="top-k" />
                    <input
                        type="number"
                        min="0"
                        max="1000000"
                        data-testid="top-k"
                        aria-label="top-k, 0 for all"
                        prop:value=move || sampling().top_k.to_string()
                        on:change=move |event| {
                            if let Ok(k) = event_target_value(&event).parse::<u32>() {
                                set(&|sampling| sampling.top_k = k.min(1_000_000));
                            }
                        }
                    />
                </div>
                <div class="setting">
                    <Term word="top-p" />
                    <input
                        type="number"
                        min="0.01"
                        max="1"
                        step="0.01"
                        data-testid="top-p"
                        aria-label="top-p, 1 for all"
                        prop:value=move || sampling().top_p.to_string()
                        on:change=move |event| {
                            if let Ok(p) = event_target_value(&event).parse::<f32>()
                                && p.is_finite()
                            {
                                set(&|sampling| sampling.top_p = p.clamp(0.01, 1.0));
                            }
                        }
                    />
                </div>
                <div class="setting">
                    <Term word="seed" />
                    <input
                        type="number"
                        min="0"
                        data-testid="seed"
                        aria-label="seed"
                        prop:value=move || sampling().seed.to_string()
                        on:change=move |event| {
                            if let Ok(seed) = event_target_value(&event).parse::<u32>() {
                                set(&|sampling| sampling.seed = seed.into());
                            }
                        }
                    />
                </div>
            </div>
        </details>
    }
    .into_any()
}
