//! The Explorer: one text, one model, everything that happens in between.
//!
//! Tests find things by `data-testid`: `prompt`, `pair`, `generate`, `stop`, `settings`,
//! `temperature`, `top-k`, `top-p`, `seed`, `theme`, `keys`, `engine-badge`, `engine-choice`,
//! `model-picker`, `model-offer-NAME`, `model-files`, `model-hub`, `model-load`, `model-cancel`,
//! `model-progress`, `token-strip`, `token-N`, `run-report`, `notice`, `wall` (panel), `wall-grid`,
//! `wall-canvas`, `wall-sort`, `head` (panel), `head-matrix`, `head-matrix-value`,
//! `stage-{scores,scaled,masked,pattern,values}`, `view-{grid,lines}`, `hide-sink`, `average`,
//! `head-lines`, `threshold`, `predictions` (panel), `prediction-N`, `arithmetic`, `lens` (panel),
//! `tab-{norms,residual,mlp,loss,similarity,positions,weights,card}`, `details` (tab panel), `norms-mean`,
//! `norms-scale`, `norms-weights`, `norms-after`, `residual-stream`, `residual-chart`, `mlp-matrix`,
//! `loss-chart`, `similarity-texts`, `similarity-matrix`, `card`,
//! `invariants`, `compare-engines`, `masked` (panel), `places`, `place-N`, `next-sentence`,
//! `target`, `write`, `stop-writing`, `beams`, `source-strip`, `source-N`, `source-notice`,
//! `wall-grid-{encoder,decoder,cross}`, `wall-canvas-…`, `attend-{encoder,decoder,cross}`,
//! `alignment` (panel), `align-{all,layer,head}`, `alignment-lines`, `alignment-matrix`,
//! `beam` (panel), `beam-tree`, `hypothesis-N`, `mask-each`, `mask-each-here`, `mask-stop`, `weights` (panel), `weights-matrix`, `weights-choice`,
//! `cells-layer`, `cells-row`, `cells-col`, `spectrum` (panel), `spectrum-chart`, `positions` (panel),
//! `as-chat`, `system`, `turns`, `keep-answer`, `take-back`, `recorded`, `close-recorded`, `lacking`, `head-lacking`, `positions-matrix`, `positions-chart`, `positions-stack`, `reach` (panel), `reach-matrix`, `pairs`, `faults`, `fault`, `banner`, `menu-PANEL`, `explain`, `table`.

mod alignment;
mod beam;
mod card;
mod cells;
mod details;
mod head;
mod invariants;
mod lines;
mod logit_lens;
mod loss;
mod masked;
mod mlp;
mod models;
pub mod norms;
mod positions;
mod predictions;
mod prompt;
mod replaced;
pub mod residual;
mod row;
mod settings;
mod similarity;
mod source;
mod strip;
mod wall;
mod wall_grid;
mod weights;

pub use crate::explorer::alignment::alignment_of;
pub use crate::explorer::beam::search;
pub use crate::explorer::cells::{labelled, number, own_cursor};
pub use crate::explorer::head::head_map;
pub use crate::explorer::models::{load_files, model_picker};
pub use crate::explorer::prompt::typed;
use crate::parts::alert::faults;
use crate::parts::dom::{Child, View, either, el, show};
use crate::parts::icon;
use crate::state::cell::{Derived, Var, derive};
use crate::state::{Store, use_store};

/// The whole place.
pub fn explorer() -> View {
    let store = use_store();
    let text = el!(section class="text" aria-label="The text and its tokens")
        .child(banner())
        .child(faults())
        .child(prompt::prompt())
        .child(el!(div class="strips").child(source::strip()).child(strip::strip()));
    let next =
        el!(div class="column-next").child(predictions::next_token()).child(logit_lens::lens());
    // Without a text nothing is to come, so the panels draw no shapes of it.
    let is_textless =
        move || store.report.read().as_ref().as_ref().is_some_and(|report| report.n_tokens == 0);
    let main = el!(main id="main" class="explorer" tabindex="-1")
        .class("textless", is_textless)
        .class("recorded", move || is_recorded(store))
        .child(wall::wall())
        .child(head::head())
        .child(next)
        .child(foot());
    vec![text.into(), main.into(), invariants::invariants().into()].into_node()
}

/// The panel at the foot; its place stays free until the first map is on screen.
fn foot() -> View {
    let store = use_store();
    either(derive(move || store.has_foot.get()), |has_foot| {
        vec![if has_foot { details::details() } else { el!(div class="details").into() }]
    })
}

/// Why, as a sentence behind the one that says what.
fn reason(why: &str) -> String {
    let why = why.strip_prefix("No WebGPU: ").unwrap_or(why).trim_end_matches('.');
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    if first.is_empty() { first } else { format!("{first}{}.", letters.as_str()) }
}

/// Why there is no WebGPU, where the page runs without.
fn banner() -> View {
    let store = use_store();
    let closed = Var::new(false);
    let shows = move || {
        let without = store.engine.read().as_ref().as_ref().is_some_and(|e| !e.gpu_available);
        without && !closed.get()
    };
    let make = move || {
        let words = el!(p)
            .child(el!(strong).child("No WebGPU here: the model runs on the processor. "))
            .text(move || store.engine.get().map(|engine| reason(&engine.why)));
        let button = el!(button type="button" class="quiet" aria-label="Dismiss")
            .when("click", move || closed.set(true))
            .child(icon::close());
        el!(div class="banner" role="status" data-testid="banner").child(words).child(button).into()
    };
    show(shows, make)
}

/// Labels of the tokens of the trace that is shown.
fn trace_labels(store: Store) -> Derived<Vec<String>> {
    derive(move || crate::lens::tokens::labels(&store.trace.read().tokens, 12))
}

/// Whether a recorded run is shown in place of a model.
fn is_recorded(store: Store) -> bool {
    store.card.read().as_ref().as_ref().is_some_and(|card| card.is_recorded())
}

/// Labels of what those tokens look at.
fn key_labels(store: Store) -> Derived<Vec<String>> {
    derive(move || crate::lens::tokens::labels(&store.trace.read().keys, 12))
}

/// Whether the model reads a source and writes a target; not before one is there.
fn is_pair(store: Store) -> Derived<bool> {
    derive(move || store.model.get().is_some_and(|model| model.encoder.is_some()))
}

/// Whether the model predicts a next token; so it is taken to be until one is there.
fn is_causal(store: Store) -> Derived<bool> {
    derive(move || store.model.get().is_none_or(|model| model.causal))
}

/// One of several buttons of which one is pressed.
fn choice(
    class: &str,
    testid: &str,
    name: &str,
    chosen: impl Fn() -> bool + 'static,
    choose: impl Fn() + 'static,
) -> View {
    el!(button type="button")
        .set("class", class)
        .set("data-testid", testid)
        .state("aria-pressed", chosen)
        .when("click", choose)
        .child(name)
        .into()
}
