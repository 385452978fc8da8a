//! One head as lines between two columns of tokens: only those that reach a threshold, and never
//! more than some hundreds.

use std::sync::Arc;

use leptos::prelude::*;

use crate::format;
use crate::lens::attention::{MatrixView, edges};
use crate::parts::slider::Slider;
use crate::state::{Hover, use_store};

const ROW_HEIGHT: usize = 20;
const MAX_EDGES: usize = 400;

/// The drawing, with its threshold.
#[component]
pub fn Lines(
    /// The head's step.
    #[prop(into)]
    view: Signal<Option<Arc<MatrixView>>>,
) -> AnyView {
    let store = use_store();
    let picture = move || {
        let view = view.get()?;
        let focus = store.focus.get();
        let span = view.scale.max.max(1e-9);
        let threshold = f32::from(store.url.read().threshold) / 100.0;
        let edges = edges(&view, threshold * span, focus.query, MAX_EDGES);
        let y = |idx: usize| (idx * ROW_HEIGHT + ROW_HEIGHT / 2).to_string();
        let lines = edges
            .iter()
            .map(|edge| {
                let opacity = (edge.weight / span).clamp(0.05, 1.0).to_string();
                let (from, to) = (y(edge.query), y(edge.key));
                view! { <line class="edge" x1="38%" x2="62%" y1=from y2=to stroke-opacity=opacity></line> }
                    .into_any()
            })
            .collect::<Vec<_>>();
        let column = |labels: &[String], x: &'static str, anchor: &'static str, is_query: bool| {
            labels
                .iter()
                .enumerate()
                .map(|(idx, label)| {
                    let is_focused = if is_query { focus.query } else { focus.key } == Some(idx);
                    let class = if is_focused { "edge-label focused" } else { "edge-label" };
                    let hover = move |_| {
                        if is_query {
                            store.preview(Hover { query: Some(idx as u32), ..Hover::default() });
                        }
                    };
                    let pin = move |_| {
                        if is_query {
                            store.pin_query(idx as u32);
                        }
                    };
                    view! {
                        <text
                            class=class
                            x=x
                            y=y(idx)
                            text-anchor=anchor
                            dominant-baseline="central"
                            on:pointerenter=hover
                            on:click=pin
                        >
                            {label.clone()}
                        </text>
                    }
                    .into_any()
                })
                .collect::<Vec<_>>()
        };
        let height = view.n_rows.max(view.n_cols) * ROW_HEIGHT;
        let name =
            format!("{} lines, each from a token that looks to one that is looked at", edges.len());
        Some(
            view! {
                <svg
                    class="lines"
                    role="img"
                    aria-label=name
                    data-testid="head-lines"
                    width="100%"
                    height=height.to_string()
                    on:pointerleave=move |_| store.preview(Hover::default())
                >
                    {lines}
                    {column(&view.row_labels, "37%", "end", true)}
                    {column(&view.col_labels, "63%", "start", false)}
                </svg>
            }
            .into_any(),
        )
    };
    let value = Signal::derive(move || f64::from(store.url.read().threshold));
    let shown = Signal::derive(move || {
        let max = view.read().as_ref().map_or(1.0, |view| view.scale.max);
        format::three(f32::from(store.url.read().threshold) / 100.0 * max)
    });
    view! {
        <div class="lines-heads hint" aria-hidden="true">
            <span>{"looks"}</span>
            <span>{"is looked at"}</span>
        </div>
        <div class="lines-frame" tabindex="0" role="region" aria-label="Lines between tokens">{picture}</div>
        <Slider
            name="From"
            testid="threshold"
            range=(0.0, 100.0, 1.0)
            value
            shown
            on_input=Callback::new(move |v: f64| store.adjust(|url| url.threshold = v as u8))
            on_change=Callback::new(move |v: f64| store.choose(|url| url.threshold = v as u8))
        />
    }
    .into_any()
}
