//! One head as lines between two columns of tokens: only those that reach a threshold, and never
//! more than some hundreds.

use crate::format;
use crate::lens::attention::{Edge, MatrixView, edges};
use crate::parts::dom::{View, el, part};
use crate::parts::slider::{Range, slider};
use crate::state::cell::{Derived, derive};
use crate::state::{Hover, Store, use_store};

const ROW_HEIGHT: usize = 20;
const MAX_EDGES: usize = 400;

/// The drawing of a head's step, with its threshold.
pub fn lines(view: Derived<Option<MatrixView>>) -> Vec<View> {
    let store = use_store();
    let value = derive(move || f64::from(store.url.read().threshold));
    let shown = derive(move || {
        let max = (*view.read()).as_ref().map_or(1.0, |view| view.scale.max);
        format::three(value.get() as f32 / 100.0 * max)
    });
    let range =
        Range { name: "Weights from", testid: "threshold", range: ["0", "100", "1"], value, shown };
    let threshold = slider(
        range,
        move |v| store.adjust(|url| url.threshold = v as u8),
        move |v| store.choose(|url| url.threshold = v as u8),
    );
    let heads = el!(div class="lines-heads hint" aria-hidden="true")
        .child(el!(span).child("looks"))
        .child(el!(span).child("is looked at"));
    let frame =
        el!(div class="lines-frame" tabindex="0" role="region" aria-label="Lines between tokens")
            .child(part(move || {
                (*view.read()).as_ref().map(|v| picture(store, view, v)).into_iter().collect()
            }));
    vec![heads.into(), frame.into(), threshold.into()]
}

/// The two columns, and between them lines that change with what is pointed at.
fn picture(store: Store, shown: Derived<Option<MatrixView>>, view: &MatrixView) -> View {
    let found = derive(move || {
        let view = shown.read();
        let Some(view) = &*view else { return Vec::new() };
        let threshold = f32::from(store.url.read().threshold) / 100.0;
        edges(view, threshold * span(view), store.focus.read().query, MAX_EDGES)
    });
    let span = span(view);
    let edges = part(move || found.read().iter().map(|edge| edge_view(edge, span)).collect());
    let name = move || {
        let n_edges = found.read().len();
        format!("{n_edges} lines, each from a token that looks to one that is looked at")
    };
    let queries = view.row_labels.iter().enumerate();
    let keys = view.col_labels.iter().enumerate();
    let height = view.n_rows.max(view.n_cols) * ROW_HEIGHT;
    el!(svg class="lines" role="img" data-testid="head-lines" width="100%")
        .attr("aria-label", name)
        .set("height", &height.to_string())
        .when("pointerleave", move || store.preview(Hover::default()))
        .child(edges)
        .child(queries.map(|(idx, label)| label_view(store, idx, label, true)).collect::<Vec<_>>())
        .child(keys.map(|(idx, label)| label_view(store, idx, label, false)).collect::<Vec<_>>())
        .into()
}

fn span(view: &MatrixView) -> f32 {
    view.scale.max.max(1e-9)
}

fn middle(idx: usize) -> String {
    (idx * ROW_HEIGHT + ROW_HEIGHT / 2).to_string()
}

fn edge_view(edge: &Edge, span: f32) -> View {
    el!(line class="edge" x1="38%" x2="62%")
        .set("y1", &middle(edge.query))
        .set("y2", &middle(edge.key))
        .set("stroke-opacity", &format::plain((edge.weight / span).clamp(0.05, 1.0)))
        .into()
}

fn label_view(store: Store, idx: usize, label: &str, is_query: bool) -> View {
    let is_focused = derive(move || {
        let focus = store.focus.read();
        if is_query { focus.query == Some(idx) } else { focus.key == Some(idx) }
    });
    let (x, anchor) = if is_query { ("37%", "end") } else { ("63%", "start") };
    let text = el!(text class="edge-label" dominant-baseline="central")
        .class("focused", move || is_focused.get())
        .set("x", x)
        .set("y", &middle(idx))
        .set("text-anchor", anchor)
        .child(label);
    if !is_query {
        return text.into();
    }
    let hover = Hover { query: Some(idx as u32), ..Hover::default() };
    text.when("pointerenter", move || store.preview(hover))
        .when("click", move || store.pin_query(idx as u32))
        .into()
}
