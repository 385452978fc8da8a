//! The residual stream: its length at every token and layer, and what attention and MLP add.

use crate::explorer::details::token_layer_acts;
use crate::explorer::trace_labels;
use crate::lens::residual::{self, Contributions};
use crate::lens::table::Table;
use crate::parts::chart;
use crate::parts::dom::{View, el};
use crate::parts::frame::{Hooks, Kit, fixed, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::term::term;
use crate::state::cell::{Var, derive};
use crate::state::use_store;

const TITLE: &str = "Length of each token’s vector through the layers";

/// The panel, under a name of its own.
pub fn residual(id: &'static str) -> View {
    let store = use_store();
    let labels = trace_labels(store);
    let stream = derive(move || {
        let card = store.card.get()?;
        residual::stream(&store.trace.read().trace, &card, &labels.read())
    });
    let at_token = derive(move || {
        let card = store.card.get()?;
        let run = store.trace.read();
        let last = run.tokens.len().checked_sub(1)?;
        let focus = store.focus.read();
        let token = focus.query.unwrap_or(last).min(last);
        let parts = residual::contributions(&run.trace, &card, token)?;
        let labels = labels.read();
        Some(chart(&parts, labels.get(token).map_or("", String::as_str), focus.layer))
    });
    let numbers =
        move || (*stream.read_untracked()).as_ref().map(|view| Table::of_matrix(view, TITLE));
    let explain = &[
        "Each token has one vector that every block reads and adds to. Left: its length before each layer, and after the last. Right, for the chosen token: that length, and how long the additions of attention and of the MLP are.",
        "Lengths are Euclidean norms. The first token is often many times longer than the rest.",
    ];
    let hooks: Hooks =
        Some(Box::new(|| vec!["blocks.*.hook_resid_*".into(), "blocks.*.hook_*_out".into()]));
    let kit = Kit { hooks, ..Kit::of_chart(id, explain, at_token, numbers) };
    let col = Var::new(None);
    let n_layers = move || store.card.get_untracked().map_or(0, |card| card.n_layers as usize);
    let acts = token_layer_acts(store, move |at| (at < n_layers()).then_some(at as u16), col);
    let cursor = derive(move || (store.focus.read().query, col.get()));
    let title = fixed(TITLE);
    let testid = "residual-stream";
    let spec = Matrix { view: stream, cursor, name: title, testid, square: false, max_cell: 72.0 };
    let right = el!(div)
        .child(el!(p class="hint").child(term("residual stream")))
        .child(chart::chart(at_token, "residual-chart"));
    panel(kit, title, None)
        .child(el!(div class="halves").child(matrix(spec, &acts)).child(right))
        .done()
}

fn chart(parts: &Contributions, token: &str, layer: usize) -> ChartSpec {
    let mut lines = vec![
        Line::of_values("stream", 0, &parts.stream),
        Line::of_values("attention adds", 1, &parts.attention),
        Line::of_values("MLP adds", 2, &parts.mlp),
    ];
    if !parts.cross.is_empty() {
        lines.push(Line::of_values("cross-attention adds", 3, &parts.cross));
    }
    ChartSpec {
        title: format!("Stream and what each layer adds, at {token}"),
        x_name: "layers".into(),
        y_name: "length".into(),
        lines,
        is_x_whole: true,
        marker: Some(layer as f32),
        ..ChartSpec::default()
    }
}
