//! One row of the head in numbers: what the chosen token looks at most.

use crate::format;
use crate::lens::attention::{MatrixView, largest_of_row};
use crate::parts::dom::{Child, El, View, el, part};
use crate::state::cell::{Derived, derive};
use crate::state::{Hover, Store, use_store};

/// Keys on screen.
const N_KEYS: usize = 9;

/// The largest values of the chosen query's row; of the last token's, if none is chosen.
pub fn row(view: Derived<Option<MatrixView>>) -> El {
    let store = use_store();
    let query = derive(move || {
        let n_rows = (*view.read()).as_ref().map_or(0, |view| view.n_rows);
        let last = n_rows.checked_sub(1)?;
        Some(store.focus.read().query.unwrap_or(last).min(last))
    });
    let title = part(move || {
        let view = view.read();
        let label = (*view).as_ref().zip(query.get()).and_then(|(v, q)| v.row_labels.get(q));
        match label {
            Some(label) => {
                let name = el!(bdi class="token-text").child(label.as_str());
                vec![name.into(), " looks at".into_node()]
            }
            None => Vec::new(),
        }
    });
    let rows = part(move || {
        let view = view.read();
        let shown = (*view).as_ref().zip(query.get());
        shown.map(|(view, query)| keys(store, view, query)).unwrap_or_default()
    });
    let list = el!(ol).when("pointerleave", move || store.preview(Hover::default())).child(rows);
    el!(div class="row-bars").child(el!(p class="hint").child(title)).child(list)
}

fn keys(store: Store, view: &MatrixView, query: usize) -> Vec<View> {
    let keys = largest_of_row(view, query, N_KEYS);
    let most = keys.first().map_or(1.0, |key| key.1.abs()).max(f32::MIN_POSITIVE);
    let key_view = |(key, value): (usize, f32)| {
        let label = view.col_labels.get(key).map_or("", String::as_str);
        let width = format::trimmed((value.abs() / most * 100.0).clamp(0.0, 100.0).into()) + "%";
        let class = if value < 0.0 { "bar-fill below" } else { "bar-fill" };
        let hover = Hover { query: Some(query as u32), key: Some(key as u32), head: None };
        let fill = el!(span).set("class", class).styled("width", &width);
        el!(li class="row-key")
            .set("title", &format::exact(value))
            .when("pointerenter", move || store.preview(hover))
            .child(el!(bdi class="bar-text").child(label))
            .child(el!(span class="bar-track" aria-hidden="true").child(fill))
            .child(el!(span class="bar-number num").child(format::three(value)))
            .into()
    };
    keys.into_iter().map(key_view).collect()
}
