//! One row of the head in numbers: what the chosen token looks at most.

use std::sync::Arc;

use leptos::prelude::*;

use crate::format;
use crate::lens::attention::{MatrixView, largest_of_row};
use crate::state::{Hover, use_store};

/// Keys on screen.
const N_KEYS: usize = 9;

/// The largest values of the chosen query's row; of the last token's, if none is chosen.
#[component]
pub fn Row(
    /// The head's step.
    #[prop(into)]
    view: Signal<Option<Arc<MatrixView>>>,
) -> AnyView {
    let store = use_store();
    let query = move || {
        let n_rows = view.read().as_ref().map_or(0, |view| view.n_rows);
        let last = n_rows.checked_sub(1)?;
        Some(store.focus.get().query.unwrap_or(last).min(last))
    };
    let title = move || {
        let view = view.get()?;
        let label = view.row_labels.get(query()?)?.clone();
        Some(view! {
            <bdi class="token-text">{label}</bdi>
            {" looks at"}
        })
    };
    let rows = move || {
        let Some((view, query)) = view.get().zip(query()) else { return Vec::new() };
        let keys = largest_of_row(&view, query, N_KEYS);
        let most = keys.first().map_or(1.0, |key| key.1.abs()).max(f32::MIN_POSITIVE);
        keys.into_iter()
            .map(|(key, value)| {
                let label = view.col_labels.get(key).cloned().unwrap_or_default();
                let width = format!("{}%", (value.abs() / most * 100.0).clamp(0.0, 100.0));
                let class = if value < 0.0 { "bar-fill below" } else { "bar-fill" };
                let hover = Hover {
                    query: Some(query as u32),
                    key: Some(key as u32),
                    ..Hover::default()
                };
                view! {
                    <li class="row-key" title=format::exact(value) on:pointerenter=move |_| store.preview(hover)>
                        <bdi class="bar-text">{label}</bdi>
                        <span class="bar-track" aria-hidden="true">
                            <span class=class style:width=width></span>
                        </span>
                        <span class="bar-number num">{format::three(value)}</span>
                    </li>
                }
                .into_any()
            })
            .collect()
    };
    view! {
        <div class="row-bars">
            <p class="hint">{title}</p>
            <ol on:pointerleave=move |_| store.preview(Hover::default())>{rows}</ol>
        </div>
    }
    .into_any()
}
