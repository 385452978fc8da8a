//! Neurons of the chosen layer's MLP that answer most strongly.

use crate::explorer::details::token_layer_acts;
use crate::explorer::trace_labels;
use crate::lens::residual;
use crate::parts::dom::View;
use crate::parts::frame::{Hooks, Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::state::cell::{Var, derive};
use crate::state::use_store;

/// Neurons on screen.
const N_NEURONS: usize = 48;

/// The panel.
pub fn mlp() -> View {
    let store = use_store();
    let labels = trace_labels(store);
    let view = derive(move || {
        let layer = store.focus.read().layer;
        residual::neurons(&store.trace.read().trace, layer, N_NEURONS, &labels.read())
    });
    let title = derive(move || {
        let n = store.card.get().map_or(0, |card| card.d_mlp);
        let layer = store.focus.read().layer;
        format!("MLP of layer {layer}: the {N_NEURONS} strongest of {n} neurons")
    });
    let explain = &[
        "Each column is one neuron of the layer’s MLP, after its activation function (and its gate, where there is one); each row a token. Blue is positive, red negative.",
        "Shown are the neurons with the largest magnitude at any token of this text.",
    ];
    let hooks: Hooks = Some(Box::new(move || {
        vec![format!("blocks.{}.mlp.*", store.focus.read_untracked().layer)]
    }));
    let kit = Kit { hooks, ..Kit::of_matrix("mlp", explain, view, title) };
    let col = Var::new(None);
    let acts = token_layer_acts(store, |_| None, col);
    let cursor = derive(move || (store.focus.read().query, col.get()));
    let testid = "mlp-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell: 28.0 };
    panel(kit, title, None).child(matrix(spec, &acts)).done()
}
