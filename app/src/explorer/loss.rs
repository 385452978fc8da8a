//! How much each token surprised the model.

use std::sync::Arc;

use leptos::prelude::*;

use crate::format;
use crate::lens::table::Table;
use crate::lens::tokens::labels;
use crate::parts::chart::Chart;
use crate::parts::frame::{Kit, Panel};
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::svg;
use crate::parts::term::Term;
use crate::state::{Hover, use_store};

/// The panel.
#[component]
pub fn Loss() -> AnyView {
    let store = use_store();
    let spec = Memo::new(move |_| {
        let losses = store.losses.get();
        let points: Vec<(f32, f32)> = losses
            .iter()
            .enumerate()
            .filter_map(|(idx, loss)| Some((idx as f32, (*loss)?)))
            .collect();
        (!points.is_empty()).then(|| {
            Arc::new(ChartSpec {
                title: "Loss of each token".into(),
                x_name: "tokens".into(),
                y_name: "nats".into(),
                lines: vec![Line { name: "−ln p".into(), color: 0, points }],
                is_x_whole: true,
                marker: store.focus.get().query.map(|query| query as f32),
                ..ChartSpec::default()
            })
        })
    });
    let mean = move || {
        let losses = store.losses.get();
        let known: Vec<f32> = losses.iter().copied().flatten().filter(|l| l.is_finite()).collect();
        (!known.is_empty()).then(|| {
            let mean = known.iter().sum::<f32>() / known.len() as f32;
            format!("Mean {} nats, perplexity {}.", format::three(mean), format::three(mean.exp()))
        })
    };
    let bars = move || {
        let tokens = store.tokens.get();
        let losses = store.losses.get();
        let most = losses.iter().copied().flatten().filter(|l| l.is_finite()).fold(1.0, f32::max);
        labels(&tokens, 16)
            .into_iter()
            .zip(losses.iter())
            .enumerate()
            .map(|(idx, (label, loss))| loss_view(idx, label, *loss, most))
            .collect::<Vec<_>>()
    };
    let kit = Kit {
        id: "loss",
        explain: &[
            "The loss of a token is −ln of the probability that the model gave it, seeing only the tokens before. 0 would be certainty; ln of the vocabulary's size is a blind guess.",
            "The first token has none: there is nothing before it.",
        ],
        table: Some(Callback::new(move |()| {
            let tokens = store.tokens.get_untracked();
            let losses = store.losses.get_untracked();
            let rows = tokens.iter().zip(losses.iter()).map(|(token, loss)| {
                vec![token.text.clone(), loss.map(|loss| loss.to_string()).unwrap_or_default()]
            });
            Some(Table {
                caption: "Loss of each token, nats".into(),
                columns: vec!["token".into(), "loss".into()],
                rows: rows.collect(),
            })
        })),
        picture: Some(Callback::new(move |()| {
            spec.get_untracked().map(|spec| svg::chart(&spec, store.dark.get_untracked()))
        })),
        hooks: Some(Callback::new(|()| vec!["logits".into()])),
    };
    view! {
        <Panel kit title="How much each token surprised the model">
            <div class="halves">
                <div class="losses-frame" tabindex="0" role="region" aria-label="Loss of each token">
                    <ol class="losses" on:pointerleave=move |_| store.preview(Hover::default())>{bars}</ol>
                </div>
                <div>
                    <p class="hint"><Term word="loss" />" "{mean}</p>
                    <Chart spec testid="loss-chart" />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

fn loss_view(idx: usize, label: String, loss: Option<f32>, most: f32) -> AnyView {
    let store = use_store();
    let height = loss.map_or(0.0, |loss| (loss / most).clamp(0.0, 1.0) * 100.0);
    let number = loss.map_or("·".into(), format::three);
    let is_focused = move || store.focus.read().query == Some(idx);
    let hover = move |_| store.preview(Hover { query: Some(idx as u32), ..Hover::default() });
    view! {
        <li class="loss" class:focused=is_focused on:pointerenter=hover>
            <span class="num">{number}</span>
            <span class="loss-track" aria-hidden="true">
                <span class="loss-fill" style:height=format!("{height}%")></span>
            </span>
            <bdi class="token-text">{label}</bdi>
        </li>
    }
    .into_any()
}
