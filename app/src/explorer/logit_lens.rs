//! The logit lens: what the model would predict if it stopped after each layer.
//! (nostalgebraist 2020, "interpreting GPT: the logit lens".)

use std::sync::Arc;

use leptos::prelude::*;

use crate::format;
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::chart::Chart;
use crate::parts::frame::{Kit, Panel};
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::svg;
use crate::protocol::LensRow;
use crate::state::use_store;

/// The panel; only for models that predict a next token.
#[component]
pub fn Lens() -> AnyView {
    let store = use_store();
    let is_causal = Memo::new(move |_| store.card.get().is_none_or(|card| card.causal));
    view! { <Show when=move || is_causal.get()><LensPanel /></Show> }.into_any()
}

#[component]
fn LensPanel() -> AnyView {
    let store = use_store();
    let spec = Memo::new(move |_| {
        let rows = store.lens.get();
        let layer = store.focus.get().layer;
        (!rows.is_empty()).then(|| Arc::new(chart(&rows, layer)))
    });
    let kit = Kit {
        id: "lens",
        explain: &[
            "The unembedding turns the stream after the last layer into logits. Applied to the stream of an earlier layer it shows what the model leans to at that depth.",
            "The line is the probability that each layer gives to the token which the last layer puts first.",
            "Below it: the favourite of the layer that is chosen, and how sure it is.",
        ],
        table: Some(Callback::new(move |()| {
            store.lens.with_untracked(|rows| (!rows.is_empty()).then(|| table(rows)))
        })),
        picture: Some(Callback::new(move |()| {
            spec.get_untracked().map(|spec| svg::chart(&spec, store.dark.get_untracked()))
        })),
        hooks: Some(Callback::new(|()| vec!["blocks.*.hook_resid_pre".into()])),
    };
    let favourite = move || {
        let rows = store.lens.get();
        let layer = store.focus.get().layer;
        let row = rows.get(layer)?;
        let best = row.top.first()?;
        Some(view! {
            <span>{format!("Before layer {layer} it leans to ")}</span>
            <bdi class="token-text">{label(&best.text, 16)}</bdi>
            <span>
                {format!(
                    " ({}); the final favourite comes {}.",
                    format::three(best.logit),
                    format::ordinal(row.rank_of_final + 1),
                )}
            </span>
        })
    };
    view! {
        <Panel kit title="What each layer would say">
            <Chart spec testid="lens-chart" />
            <p class="hint lens-favourite">{favourite}</p>
        </Panel>
    }
    .into_any()
}

fn chart(rows: &[LensRow], layer: usize) -> ChartSpec {
    let points = |of: fn(&LensRow) -> f32| {
        rows.iter().enumerate().map(|(idx, row)| (idx as f32, of(row))).collect()
    };
    ChartSpec {
        title: "Probability of the final favourite at each layer".into(),
        x_name: "layers".into(),
        y_name: "probability".into(),
        lines: vec![Line {
            name: "final favourite".into(),
            color: 0,
            points: points(|row| row.p_of_final),
        }],
        y_range: Some((0.0, 1.0)),
        is_x_whole: true,
        marker: Some(layer as f32),
    }
}

fn table(rows: &[LensRow]) -> Table {
    let columns =
        ["read at", "favourite", "its probability", "entropy", "rank of final", "p of final"];
    let rows = rows.iter().map(|row| {
        let best = row.top.first();
        vec![
            row.hook.clone(),
            best.map(|best| best.text.clone()).unwrap_or_default(),
            best.map(|best| best.logit.to_string()).unwrap_or_default(),
            row.entropy.to_string(),
            (row.rank_of_final + 1).to_string(),
            row.p_of_final.to_string(),
        ]
    });
    Table {
        caption: "Logit lens".into(),
        columns: columns.map(Into::into).to_vec(),
        rows: rows.collect(),
    }
}
