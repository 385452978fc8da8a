//! The residual stream: its length at every token and layer, and what attention and MLP add.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::details::token_layer_acts;
use crate::explorer::norms::table;
use crate::explorer::trace_labels;
use crate::lens::residual::{self, Contributions};
use crate::parts::chart::Chart;
use crate::parts::frame::{Kit, Panel};
use crate::parts::matrix::Matrix;
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::svg;
use crate::parts::term::Term;
use crate::state::use_store;

/// The panel.
#[component]
pub fn Residual() -> AnyView {
    let store = use_store();
    let labels = trace_labels(store);
    let stream = Memo::new(move |_| {
        let card = store.card.get()?;
        residual::stream(&store.trace.read().trace, &card, &labels.read()).map(Arc::new)
    });
    let at_token = Memo::new(move |_| {
        let card = store.card.get()?;
        let run = store.trace.read();
        let last = run.tokens.len().checked_sub(1)?;
        let token = store.focus.get().query.unwrap_or(last).min(last);
        let parts = residual::contributions(&run.trace, &card, token)?;
        let label = labels.read().get(token).cloned().unwrap_or_default();
        Some(Arc::new(chart(&parts, &label, store.focus.get().layer)))
    });
    let title = "Length of each token's vector through the layers";
    let kit = Kit {
        id: "residual",
        explain: &[
            "Each token has one vector that every block reads and adds to. Left: its length before each layer, and after the last. Right, for the chosen token: that length, and how long the additions of attention and of the MLP are.",
            "Lengths are Euclidean norms. The first token is often many times longer than the rest.",
        ],
        table: Some(Callback::new(move |()| {
            stream.get_untracked().map(|view| table(&view, title))
        })),
        picture: Some(Callback::new(move |()| {
            at_token.get_untracked().map(|spec| svg::chart(&spec, store.dark.get_untracked()))
        })),
        hooks: Some(Callback::new(|()| {
            vec!["blocks.*.hook_resid_*".into(), "blocks.*.hook_*_out".into()]
        })),
    };
    let col = RwSignal::new(None);
    let n_layers = move || store.card.get_untracked().map_or(0, |card| card.n_layers as usize);
    let acts = token_layer_acts(store, move |at| (at < n_layers()).then_some(at as u16), col);
    let cursor = Signal::derive(move || (store.focus.get().query, col.get()));
    view! {
        <Panel kit title>
            <div class="halves">
                <Matrix
                    view=stream
                    cursor
                    name=title
                    acts
                    testid="residual-stream"
                    max_cell=28.0
                />
                <div>
                    <p class="hint"><Term word="residual stream" /></p>
                    <Chart spec=at_token testid="residual-chart" />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

fn chart(parts: &Contributions, token: &str, layer: usize) -> ChartSpec {
    let line = |name: &str, color: u8, values: &[f32]| Line {
        name: name.into(),
        color,
        points: values.iter().enumerate().map(|(i, &v)| (i as f32, v)).collect(),
    };
    ChartSpec {
        title: format!("Stream and what each layer adds, at {token}"),
        x_name: "layers".into(),
        y_name: "length".into(),
        lines: vec![
            line("stream", 0, &parts.stream),
            line("attention adds", 1, &parts.attention),
            line("MLP adds", 2, &parts.mlp),
        ],
        is_x_whole: true,
        marker: Some(layer as f32),
        ..ChartSpec::default()
    }
}
