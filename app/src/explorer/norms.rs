//! μ and σ (or the root mean square) of every token before and after every norm, its weights γ
//! and β, and dimensions that stand out.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::details::token_layer_acts;
use crate::explorer::trace_labels;
use crate::format;
use crate::lens::attention::MatrixView;
use crate::lens::norms::{self, Statistic};
use crate::lens::table::Table;
use crate::parts::chart::Chart;
use crate::parts::frame::{Kit, Panel};
use crate::parts::matrix::Matrix;
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::svg;
use crate::parts::term::Term;
use crate::protocol::ModelCard;
use crate::state::{Store, use_store};

/// The panel.
#[component]
pub fn Norms() -> AnyView {
    let store = use_store();
    let labels = trace_labels(store);
    let sites = Memo::new(move |_| store.card.get().map(|card| norms::sites(&card)));
    let view_of = move |statistic: Statistic| {
        Memo::new(move |_| {
            let card = store.card.get()?;
            let sites = sites.get()?;
            let run = store.trace.read();
            let labels = labels.read();
            let view = if store.url.read().norms_after {
                norms::after(&run.trace, &card, &sites, statistic, &labels)
            } else {
                norms::before(&run.trace, &sites, statistic, &labels)
            };
            view.map(|view| Arc::new(named(view, &card, statistic)))
        })
    };
    let (mean, scale) = (view_of(Statistic::Mean), view_of(Statistic::Scale));
    let has_mean = Memo::new(move |_| store.card.get().is_some_and(|card| !card.rms_norm));
    let title = Signal::derive(move || title(store));
    let kit = Kit {
        id: "norms",
        explain: &[
            "Before a block reads a token's vector, a norm rescales it. LayerNorm takes off the mean μ and divides by the spread σ; RMSNorm divides by the root mean square alone. Then come the learned gain γ and bias β.",
            "Tokens are rows, norms are columns: 3.1 is the first norm of layer 3, 3.2 its second, out the last one. Before shows what the norm meets, after what it leaves, without γ and β: mean 0 and spread 1, but for rounding.",
            "An outlier dimension reaches six times the spread at some token.",
        ],
        table: Some(Callback::new(move |()| {
            scale.get_untracked().map(|view| table(&view, &title.get_untracked()))
        })),
        picture: Some(Callback::new(move |()| {
            let view = scale.get_untracked()?;
            svg::matrix(&view, &title.get_untracked(), store.dark.get_untracked())
        })),
        hooks: Some(Callback::new(|()| vec!["blocks.*.ln*.hook_*".into(), "ln_final.*".into()])),
    };
    let col = RwSignal::new(None);
    let layer_of =
        move |at: usize| sites.with_untracked(|sites| site_layer(sites.as_ref()?.get(at)?));
    let acts = token_layer_acts(store, layer_of, col);
    let cursor = Signal::derive(move || (store.focus.get().query, col.get()));
    let tools = view! { <BeforeAfter /> }.into_any();
    view! {
        <Panel kit title tools>
            <div class="norms">
                <Show when=move || has_mean.get()>
                    <Matrix
                        view=mean
                        cursor
                        name="Mean of each token's vector at each norm"
                        acts
                        testid="norms-mean"
                        max_cell=28.0
                    />
                </Show>
                <Matrix
                    view=scale
                    cursor
                    name="Scale of each token's vector at each norm"
                    acts
                    testid="norms-scale"
                    max_cell=28.0
                />
                <Weights />
                <Outliers />
            </div>
        </Panel>
    }
    .into_any()
}

fn named(mut view: MatrixView, card: &ModelCard, statistic: Statistic) -> MatrixView {
    view.quantity = match statistic {
        Statistic::Mean => "μ".into(),
        Statistic::Scale if card.rms_norm => "rms".into(),
        Statistic::Scale => "σ".into(),
    };
    view
}

fn title(store: Store) -> String {
    let is_rms = store.card.get().is_some_and(|card| card.rms_norm);
    let what = if is_rms { "Root mean square" } else { "Mean and spread" };
    let when = if store.url.read().norms_after { "after" } else { "before" };
    format!("{what} of each token {when} each norm")
}

/// The layer of a site.
fn site_layer(site: &str) -> Option<u16> {
    site.strip_prefix("blocks.")?.split('.').next()?.parse().ok()
}

/// The norm whose weights are shown: the first of the chosen layer.
fn chosen_site(store: Store) -> String {
    format!("blocks.{}.ln1", store.focus.get().layer)
}

#[component]
fn BeforeAfter() -> AnyView {
    let store = use_store();
    let button = move |name: &'static str, word: &'static str, after: bool| {
        let chosen = move || store.url.read().norms_after == after;
        view! {
            <button
                type="button"
                class="switch"
                data-testid=format!("norms-{word}")
                aria-pressed=move || if chosen() { "true" } else { "false" }
                on:click=move |_| store.choose(|url| url.norms_after = after)
            >
                {name}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="switches" role="group" aria-label="Where the vectors are measured">
            {button("Before", "before", false)}
            {button("After", "after", true)}
        </div>
    }
    .into_any()
}

/// γ and β of the chosen layer's first norm.
#[component]
fn Weights() -> AnyView {
    let store = use_store();
    let spec = Memo::new(move |_| {
        let card = store.card.get()?;
        let site = chosen_site(store);
        let weights = norms::weights(&card, &site)?;
        let line = |name: &str, color: u8, values: &[f32]| Line {
            name: name.into(),
            color,
            points: values.iter().enumerate().map(|(i, &v)| (i as f32, v)).collect(),
        };
        let mut lines = vec![line("γ", 0, &weights.gain)];
        if !weights.bias.is_empty() {
            lines.push(line("β", 1, &weights.bias));
        }
        let names = if weights.bias.is_empty() { "γ" } else { "γ and β" };
        Some(Arc::new(ChartSpec {
            title: format!("{names} of layer {}, first norm", store.focus.get().layer),
            x_name: "dimensions".into(),
            y_name: names.into(),
            lines,
            is_x_whole: true,
            ..ChartSpec::default()
        }))
    });
    view! { <div class="norm-weights" data-testid="norms-weights"><Chart spec testid="norms-weights-chart" /></div> }
        .into_any()
}

/// The dimensions that stand out in the chosen layer.
#[component]
fn Outliers() -> AnyView {
    let store = use_store();
    let labels = trace_labels(store);
    let found = Memo::new(move |_| {
        let card = store.card.get()?;
        norms::outliers(&store.trace.read().trace, &card, &chosen_site(store))
    });
    let rows = move || {
        let labels = labels.get();
        let found = found.get().unwrap_or_default();
        found
            .iter()
            .take(6)
            .map(|outlier| {
                let token = labels.get(outlier.token).cloned().unwrap_or_default();
                view! {
                    <tr>
                        <th scope="row" class="num">{outlier.dimension}</th>
                        <td class="num">{format::three(outlier.magnitude)}</td>
                        <td><bdi class="token-text">{token}</bdi></td>
                    </tr>
                }
                .into_any()
            })
            .collect::<Vec<_>>()
    };
    let words = move || match found.get() {
        None => String::new(),
        Some(found) if found.is_empty() => "None reaches six.".into(),
        Some(found) if found.len() > 6 => format!("and {} more", found.len() - 6),
        Some(_) => String::new(),
    };
    let layer = move || store.focus.get().layer;
    view! {
        <div class="outliers" data-testid="norms-outliers">
            <p class="hint"><Term word="outlier" />{move || format!(" dimensions of layer {}", layer())}</p>
            <table class="data">
                <thead><tr><th scope="col">{"dimension"}</th><th scope="col">{"× scale"}</th><th scope="col">{"at"}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <p class="hint">{words}</p>
        </div>
    }
    .into_any()
}

/// Rows as they are, columns named.
pub fn table(view: &MatrixView, title: &str) -> Table {
    let mut columns = vec!["token".to_owned()];
    columns.extend(view.col_labels.iter().cloned());
    let rows = (0..view.n_rows)
        .map(|row| {
            let mut cells = vec![view.row_labels.get(row).cloned().unwrap_or_default()];
            cells.extend((0..view.n_cols).map(|col| {
                view.value(row, col).map(|value| value.to_string()).unwrap_or_default()
            }));
            cells
        })
        .collect();
    Table { caption: title.into(), columns, rows }
}
