//! The Explorer: one text, one model, everything that happens in between.
//!
//! Tests find things by `data-testid`: `prompt`, `pair`, `generate`, `stop`, `settings`,
//! `temperature`, `top-k`, `top-p`, `seed`, `theme`, `keys`, `engine-badge`, `engine-choice`,
//! `model-picker`, `model-offer-NAME`, `model-files`, `model-hub`, `model-load`, `model-cancel`,
//! `model-progress`, `token-strip`, `token-N`, `run-report`, `notice`, `wall` (panel), `wall-grid`,
//! `wall-canvas`, `wall-sort`, `head` (panel), `head-matrix`, `head-matrix-value`,
//! `stage-{scores,scaled,masked,pattern,values}`, `view-{grid,lines}`, `hide-sink`, `average`,
//! `head-lines`, `threshold`, `predictions` (panel), `prediction-N`, `arithmetic`, `lens` (panel),
//! `tab-{norms,residual,mlp,loss,similarity,card}`, `details` (tab panel), `norms-mean`,
//! `norms-scale`, `norms-weights`, `norms-after`, `residual-stream`, `residual-chart`, `mlp-matrix`,
//! `loss-chart`, `similarity-texts`, `similarity-compare`, `similarity-matrix`, `card`,
//! `invariants`, `compare-engines`, `faults`, `fault`, `banner`, `menu-PANEL`, `explain`, `table`.

mod card;
mod details;
mod head;
mod header;
mod invariants;
mod keys;
mod lines;
mod logit_lens;
mod loss;
mod mlp;
mod models;
mod norms;
mod predictions;
mod prompt;
mod residual;
mod row;
mod settings;
mod similarity;
mod strip;
mod wall;
mod wall_grid;

use leptos::prelude::*;

pub use crate::explorer::models::load_files;
use crate::parts::alert::Faults;
use crate::protocol::ToWorker;
use crate::state::{Store, pulse, use_store};

/// The whole page.
#[component]
pub fn Explorer() -> AnyView {
    let store = use_store();
    keys::listen(store);
    pulse::watch(store);
    // What the panels need changes with what is shown; the worker then sends it without a new run.
    Effect::new(move |_| {
        let wants = store.wants.get();
        if store.card.with_untracked(Option::is_some) {
            store.post(&ToWorker::Want(wants));
        }
    });
    view! {
        <a class="skip" href="#main" on:click=skip>{"Skip to the panels"}</a>
        <header::Header />
        <section class="text" aria-label="The text and its tokens">
            <Banner />
            <Faults />
            <prompt::Prompt />
            <strip::Strip />
        </section>
        <main id="main" class="explorer" tabindex="-1">
            <wall::Wall />
            <head::Head />
            <div class="column-next">
                <predictions::NextToken />
                <logit_lens::Lens />
            </div>
            <details::Details />
        </main>
        <invariants::Invariants />
        <p class="visually-hidden" role="status" aria-live="polite">{move || store.said.get()}</p>
    }
    .into_any()
}

/// The hash holds the page's choices, so a link into the page moves the focus by itself.
fn skip(event: leptos::ev::MouseEvent) {
    use wasm_bindgen::JsCast;
    event.prevent_default();
    let main = document().get_element_by_id("main");
    if let Some(main) = main.and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok()) {
        // An element that is on the page takes the focus; there is no other way to fail.
        let _ = main.focus();
    }
}

/// Why there is no WebGPU, where the page runs without.
#[component]
fn Banner() -> AnyView {
    let store = use_store();
    let closed = RwSignal::new(false);
    let shows = move || {
        let without = store.engine.get().is_some_and(|engine| !engine.gpu_available);
        without && !closed.get()
    };
    let why = move || store.engine.get().map(|engine| engine.why).unwrap_or_default();
    view! {
        <Show when=shows>
            <div class="banner" role="status" data-testid="banner">
                <p>
                    <strong>{"No WebGPU here: the model runs on the processor. "}</strong>
                    {why}
                </p>
                <button
                    type="button"
                    class="quiet"
                    aria-label="Dismiss"
                    on:click=move |_| closed.set(true)
                >
                    {crate::parts::icon::close()}
                </button>
            </div>
        </Show>
    }
    .into_any()
}

/// Labels of the tokens of the trace that is shown.
fn trace_labels(store: Store) -> Memo<Vec<String>> {
    Memo::new(move |_| crate::lens::tokens::labels(&store.trace.read().tokens, 12))
}
