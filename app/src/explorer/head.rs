//! One head, large: the steps from scores to weighted values over the same tokens.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::lines::Lines;
use crate::explorer::row::Row;
use crate::explorer::trace_labels;
use crate::lens::attention::{self, HeadsAsked, MatrixView, sinks};
use crate::lens::table::Table;
use crate::parts::frame::{Kit, Panel};
use crate::parts::matrix::{Acts, Matrix};
use crate::parts::svg;
use crate::state::url::{Average, HeadView, Stage};
use crate::state::{Hover, Store, use_store};

/// The panel.
#[component]
pub fn Head() -> AnyView {
    let store = use_store();
    let labels = trace_labels(store);
    let view = Memo::new(move |_| labels.with(|labels| head_view(store, labels)).map(Arc::new));
    let title = Signal::derive(move || title(store));
    let picture = move |()| {
        view.get_untracked()
            .and_then(|view| svg::matrix(&view, &title.get_untracked(), store.dark.get_untracked()))
    };
    let kit = Kit {
        id: "head",
        explain: &[
            "Each row is a token that looks, each column a token that it can look at. In a model that reads left to right no token sees later ones: those cells are empty.",
            "The steps stand above: q · k compares what a token asks for with what another offers; the score is divided by the square root of the head's width; later tokens are masked; softmax turns each row into shares that sum to 1; the shares weigh the values.",
            "Point at a cell for its exact value, click to keep it. Every number is a tensor of this run, or plain arithmetic on one.",
        ],
        table: Some(Callback::new(move |()| {
            view.get_untracked().map(|view| table(&view, &title.get_untracked()))
        })),
        picture: Some(Callback::new(picture)),
        hooks: Some(Callback::new(move |()| {
            let layer = store.focus.get_untracked().layer;
            vec![format!("blocks.{layer}.attn.*")]
        })),
    };
    let acts = Acts {
        hover: Callback::new(move |cell: Option<(usize, usize)>| {
            store.preview(cell.map_or(Hover::default(), |(query, key)| Hover {
                query: Some(query as u32),
                key: Some(key as u32),
                head: None,
            }));
        }),
        pin: Callback::new(move |(query, key)| store.pin_cell(query as u32, key as u32)),
        move_to: Callback::new(move |(query, key): (usize, usize)| {
            store.preview(Hover::default());
            store.adjust(|url| (url.query, url.key) = (Some(query as u32), Some(key as u32)));
        }),
    };
    let cursor = Signal::derive(move || {
        let focus = store.focus.get();
        (focus.query, focus.key)
    });
    let is_lines = Memo::new(move |_| store.url.read().view == HeadView::Lines);
    let tools = view! { <ViewSwitch /> }.into_any();
    view! {
        <Panel kit title tools>
            <Stages />
            <Show
                when=move || is_lines.get()
                fallback=move || {
                    view! {
                        <div class="head-row">
                            <Matrix view cursor name=title acts testid="head-matrix" square=true />
                            <Row view />
                        </div>
                    }
                }
            >
                <Lines view />
            </Show>
            <Options />
        </Panel>
    }
    .into_any()
}

fn head_view(store: Store, labels: &[String]) -> Option<MatrixView> {
    let card = store.card.get()?;
    let focus = store.focus.get();
    let run = store.trace.read();
    let url = store.url.read();
    let heads = match url.average {
        Average::None => vec![(focus.layer, focus.head)],
        Average::Heads => (0..card.n_heads as usize).map(|head| (focus.layer, head)).collect(),
        // All layers are read back for the pattern only.
        Average::Layers if url.stage == Stage::Pattern => {
            (0..card.n_layers as usize).map(|layer| (layer, focus.head)).collect()
        }
        Average::Layers => vec![(focus.layer, focus.head)],
    };
    let hidden_keys = if url.hide_sink { sinks(&run.tokens) } else { Vec::new() };
    let asked = HeadsAsked { heads, stage: url.stage, hidden_keys };
    attention::head_matrix(&run.trace, &card, &asked, labels)
}

fn title(store: Store) -> String {
    let focus = store.focus.get();
    let seen = if store.card.get().is_none_or(|card| card.causal) { "earlier ones" } else { "all" };
    let url = store.url.read();
    let which = match url.average {
        Average::None => format!("layer {} head {}", focus.layer, focus.head),
        Average::Heads => format!("layer {}, mean of its heads", focus.layer),
        Average::Layers if url.stage == Stage::Pattern => {
            format!("head {}, mean of all layers", focus.head)
        }
        Average::Layers => format!("layer {} head {}", focus.layer, focus.head),
    };
    format!("Attention, {which}, from each token to {seen}")
}

fn table(view: &MatrixView, title: &str) -> Table {
    let mut columns = vec![view.quantity.clone()];
    columns.extend(view.col_labels.iter().enumerate().map(|(idx, label)| format!("{idx} {label}")));
    let rows = (0..view.n_rows)
        .map(|row| {
            let label = view.row_labels.get(row).map_or("", String::as_str);
            let mut cells = vec![format!("{row} {label}")];
            cells.extend((0..view.n_cols).map(|col| {
                view.value(row, col).map(|value| value.to_string()).unwrap_or_default()
            }));
            cells
        })
        .collect();
    Table { caption: title.into(), columns, rows }
}

/// The steps, as tabs over the same tokens.
#[component]
fn Stages() -> AnyView {
    let store = use_store();
    let name = |stage: Stage| match stage {
        Stage::Scores => "q · k",
        Stage::Scaled => "÷ √d",
        Stage::Masked => "mask",
        Stage::Pattern => "softmax",
        Stage::Values => "× values",
    };
    let explain = move || match store.url.read().stage {
        Stage::Scores => "The dot product of the row's query with the column's key.",
        Stage::Scaled => {
            "Divided by the square root of the head's width, so that sizes stay alike."
        }
        Stage::Masked => "The scores that count: later tokens are left out.",
        Stage::Pattern => "Each row as shares of 1: how much the token looks at each other one.",
        Stage::Values => "Each share times the length of the value that it brings.",
    };
    let buttons = Stage::ALL
        .iter()
        .map(|&stage| {
            let chosen = move || store.url.read().stage == stage;
            view! {
                <button
                    type="button"
                    class="step"
                    data-testid=format!("stage-{}", stage.word())
                    aria-pressed=move || if chosen() { "true" } else { "false" }
                    on:click=move |_| store.choose(|url| url.stage = stage)
                >
                    {name(stage)}
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <div class="steps" role="group" aria-label="Steps of attention">{buttons}</div>
        <p class="hint step-hint">{explain}</p>
    }
    .into_any()
}

/// Grid or lines.
#[component]
fn ViewSwitch() -> AnyView {
    let store = use_store();
    let buttons = HeadView::ALL
        .iter()
        .map(|&view| {
            let name = if view == HeadView::Grid { "Grid" } else { "Lines" };
            let chosen = move || store.url.read().view == view;
            view! {
                <button
                    type="button"
                    class="switch"
                    data-testid=format!("view-{}", view.word())
                    aria-pressed=move || if chosen() { "true" } else { "false" }
                    on:click=move |_| store.choose(|url| url.view = view)
                >
                    {name}
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! { <div class="switches" role="group" aria-label="How the head is drawn">{buttons}</div> }
        .into_any()
}

/// What is left out and what is averaged.
#[component]
fn Options() -> AnyView {
    let store = use_store();
    let options = Average::ALL
        .iter()
        .map(|&average| {
            let name = match average {
                Average::None => "one head",
                Average::Heads => "mean of the layer's heads",
                Average::Layers => "mean over layers",
            };
            let chosen = move || store.url.read().average == average;
            view! { <option value=average.word() prop:selected=chosen>{name}</option> }.into_any()
        })
        .collect::<Vec<_>>();
    let on_average = move |event| {
        if let Some(average) = Average::from_word(&event_target_value(&event)) {
            store.choose(|url| url.average = average);
        }
    };
    view! {
        <div class="options">
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="hide-sink"
                    prop:checked=move || store.url.read().hide_sink
                    on:change=move |event| {
                        let hide = event_target_checked(&event);
                        store.choose(|url| url.hide_sink = hide);
                    }
                />
                <span>{"Hide first and added tokens"}</span>
            </label>
            <label class="select">
                <span>{"show"}</span>
                <select data-testid="average" on:change=on_average>{options}</select>
            </label>
        </div>
    }
    .into_any()
}
