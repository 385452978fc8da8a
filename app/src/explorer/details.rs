//! The panels at the foot: one at a time.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::explorer::{card, loss, mlp, norms, residual, similarity};
use crate::state::url::Tab;
use crate::state::{Store, use_store};

/// Tabs and the chosen panel.
#[component]
pub fn Details() -> AnyView {
    let store = use_store();
    let is_causal = Memo::new(move |_| store.card.get().is_none_or(|card| card.causal));
    let tab = Memo::new(move |_| tab_of(store, is_causal.get()));
    let tabs = move || tabs_of(is_causal.get()).map(|tab| tab_view(store, tab)).collect::<Vec<_>>();
    let panel = move || match tab.get() {
        Tab::Norms => view! { <norms::Norms /> }.into_any(),
        Tab::Residual => view! { <residual::Residual /> }.into_any(),
        Tab::Mlp => view! { <mlp::Mlp /> }.into_any(),
        Tab::Loss => view! { <loss::Loss /> }.into_any(),
        Tab::Similarity => view! { <similarity::Similarity /> }.into_any(),
        Tab::Card => view! { <card::Card /> }.into_any(),
    };
    let on_key = move |event: KeyboardEvent| {
        let tabs: Vec<Tab> = tabs_of(is_causal.get_untracked()).collect();
        let at = tabs.iter().position(|&known| known == tab.get_untracked()).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowLeft" => at.saturating_sub(1),
            "ArrowRight" => (at + 1).min(tabs.len() - 1),
            "Home" => 0,
            "End" => tabs.len() - 1,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        store.choose(|url| url.tab = tabs[to]);
        let id = format!("tab-{}", tabs[to].word());
        let next = document().get_element_by_id(&id);
        if let Some(next) = next.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
            // It is on the page, so it takes the focus.
            let _ = next.focus();
        }
    };
    view! {
        <div class="details" data-testid="details">
            <div class="tabs" role="tablist" aria-label="More about this run" on:keydown=on_key>
                {tabs}
            </div>
            <div
                class="tab-panel"
                role="tabpanel"
                id="tab-panel"
                aria-labelledby=move || format!("tab-{}", tab.get().word())
            >
                {panel}
            </div>
        </div>
    }
    .into_any()
}

fn tab_of(store: Store, is_causal: bool) -> Tab {
    let tab = store.url.read().tab;
    if tabs_of(is_causal).any(|known| known == tab) { tab } else { Tab::Norms }
}

/// Encoders compare sentences, models that predict have a loss.
fn tabs_of(is_causal: bool) -> impl Iterator<Item = Tab> {
    let left_out = if is_causal { Tab::Similarity } else { Tab::Loss };
    Tab::ALL.iter().copied().filter(move |&tab| tab != left_out)
}

fn tab_view(store: Store, tab: Tab) -> AnyView {
    let name = match tab {
        Tab::Norms => "Norms",
        Tab::Residual => "Residual",
        Tab::Mlp => "MLP",
        Tab::Loss => "Loss",
        Tab::Similarity => "Similarity",
        Tab::Card => "Card",
    };
    let is_chosen = Memo::new(move |_| {
        let is_causal = store.card.get().is_none_or(|card| card.causal);
        tab_of(store, is_causal) == tab
    });
    view! {
        <button
            type="button"
            role="tab"
            class="tab"
            id=format!("tab-{}", tab.word())
            data-testid=format!("tab-{}", tab.word())
            aria-controls="tab-panel"
            aria-selected=move || if is_chosen.get() { "true" } else { "false" }
            tabindex=move || if is_chosen.get() { "0" } else { "-1" }
            on:click=move |_| store.choose(|url| url.tab = tab)
        >
            {name}
        </button>
    }
    .into_any()
}

/// Acts of a matrix of tokens × layers: pointing previews the token, clicking pins both.
pub fn token_layer_acts(
    store: Store,
    layer_of: impl Fn(usize) -> Option<u16> + Copy + Send + Sync + 'static,
    col: RwSignal<Option<usize>>,
) -> crate::parts::matrix::Acts {
    use crate::state::Hover;
    let pin = move |(row, at): (usize, usize)| {
        col.set(Some(at));
        store.choose(|url| {
            url.query = Some(row as u32);
            url.layer = layer_of(at).unwrap_or(url.layer);
        });
    };
    crate::parts::matrix::Acts {
        hover: Callback::new(move |cell: Option<(usize, usize)>| {
            col.set(cell.map(|(_, at)| at));
            let query = cell.map(|(row, _)| row as u32);
            store.preview(Hover { query, ..Hover::default() });
        }),
        pin: Callback::new(pin),
        move_to: Callback::new(move |(row, at): (usize, usize)| {
            col.set(Some(at));
            store.adjust(|url| url.query = Some(row as u32));
        }),
    }
}
