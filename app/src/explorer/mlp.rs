//! Neurons of the chosen layer's MLP that answer most strongly.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::details::token_layer_acts;
use crate::explorer::norms::table;
use crate::explorer::trace_labels;
use crate::lens::residual;
use crate::parts::frame::{Kit, Panel};
use crate::parts::matrix::Matrix;
use crate::parts::svg;
use crate::state::use_store;

/// Neurons on screen.
const N_NEURONS: usize = 48;

/// The panel.
#[component]
pub fn Mlp() -> AnyView {
    let store = use_store();
    let labels = trace_labels(store);
    let view = Memo::new(move |_| {
        let layer = store.focus.get().layer;
        residual::neurons(&store.trace.read().trace, layer, N_NEURONS, &labels.read()).map(Arc::new)
    });
    let title = Signal::derive(move || {
        let n = store.card.get().map_or(0, |card| card.d_mlp);
        let layer = store.focus.get().layer;
        format!("MLP of layer {layer}: the {N_NEURONS} strongest of {n} neurons")
    });
    let kit = Kit {
        id: "mlp",
        explain: &[
            "Each column is one neuron of the layer's MLP, after its activation function (and its gate, where there is one); each row a token. Blue is positive, red negative.",
            "Shown are the neurons with the largest magnitude at any token of this text.",
        ],
        table: Some(Callback::new(move |()| {
            view.get_untracked().map(|view| table(&view, &title.get_untracked()))
        })),
        picture: Some(Callback::new(move |()| {
            let view = view.get_untracked()?;
            svg::matrix(&view, &title.get_untracked(), store.dark.get_untracked())
        })),
        hooks: Some(Callback::new(move |()| {
            vec![format!("blocks.{}.mlp.*", store.focus.get_untracked().layer)]
        })),
    };
    let col = RwSignal::new(None);
    let acts = token_layer_acts(store, |_| None, col);
    let cursor = Signal::derive(move || (store.focus.get().query, col.get()));
    view! {
        <Panel kit title>
            <Matrix view cursor name=title acts testid="mlp-matrix" max_cell=28.0 />
        </Panel>
    }
    .into_any()
}
