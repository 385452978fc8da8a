//! The alignment of source and target: which source tokens the decoder looked at when it wrote each
//! token, as lines between the sentences and as a matrix.

use std::rc::Rc;

use crate::explorer::choice;
use crate::format;
use crate::lens::align::{self, best};
use crate::lens::attention::{MatrixView, edges};
use crate::lens::tokens::label;
use crate::parts::dom::{El, View, el, part};
use crate::parts::frame::{Kit, panel};
use crate::parts::grid::CHAR_WIDTH;
use crate::parts::matrix::{Acts, Cursor, Matrix, matrix};
use crate::parts::size::use_size;
use crate::protocol::Attention;
use crate::state::cell::{Derived, Var, derive};
use crate::state::url::AlignOf;
use crate::state::{Hover, Store, use_store};

/// Height of the drawing, CSS pixels, and where its two lines of words stand.
const HEIGHT: usize = 150;
const SOURCE_Y: usize = 14;
const TARGET_Y: usize = 136;
/// Space between words, and the least of it where there is little room.
const GAP: f64 = 14.0;
const LEAST_GAP: f64 = 6.0;
/// Lines below this share are not drawn, unless they are a row's largest.
const MIN_SHARE: f32 = 0.1;
/// Most lines on screen.
const MAX_EDGES: usize = 400;

/// The panel.
pub fn alignment() -> View {
    alignment_of(["alignment", "alignment-matrix", "alignment-lines"])
}

/// The panel under names of its own, for another place: of itself, its matrix, its lines.
pub fn alignment_of([id, matrix_id, lines_id]: [&'static str; 3]) -> View {
    let store = use_store();
    let view = derive(move || view_of(store));
    let title = derive(move || title(store));
    let explain = &[
        "When the decoder writes a token, its cross-attention looks at the source. Each row is a token that was written, each column a token of the source; the number is the share of attention of that step. The last row is the token that would come next.",
        "A token is written by the step before it, so a row here is the row before in the head’s own map, which is labelled by the token that the decoder reads.",
        "Shown is the mean of all heads of all layers, of one layer, or one head: choose it in the wall of cross-attention. Heads that were not trained to align do other work as well, such as looking at the end of the sentence.",
    ];
    let kit = Kit::of_matrix(id, explain, view, title);
    let at: Var<Cursor> = Var::new((None, None));
    // Where cross-attention is shown, its rows are these.
    let is_shown = move || store.attention.get_untracked() == Attention::Cross;
    let cursor = derive(move || match store.attention.get() {
        Attention::Cross => {
            let focus = store.focus.read();
            (focus.query, focus.key)
        }
        _ => at.get(),
    });
    let set = move |cell: Option<(usize, usize)>| {
        at.set(cell.map_or((None, None), |(row, col)| (Some(row), Some(col))));
    };
    let pin = move |(row, col): (usize, usize)| {
        store.attend(Attention::Cross);
        store.pin_cell(row as u32, col as u32);
    };
    let acts = Rc::new(Acts {
        hover: Box::new(move |cell: Option<(usize, usize)>| {
            set(cell);
            if is_shown() {
                let number = |idx: usize| Some(idx as u32);
                store.preview(cell.map_or(Hover::default(), |(row, col)| Hover {
                    query: number(row),
                    key: number(col),
                    head: None,
                }));
            }
        }),
        pin: Box::new(pin),
        move_to: Box::new(move |(row, col): (usize, usize)| {
            set(Some((row, col)));
            if is_shown() {
                store.adjust(|url| (url.query, url.key) = (Some(row as u32), Some(col as u32)));
            }
        }),
    });
    let spec =
        Matrix { view, cursor, name: title, testid: matrix_id, square: false, max_cell: 44.0 };
    let halves =
        el!(div class="halves").child(lines(view, cursor, lines_id)).child(matrix(spec, &acts));
    panel(kit, title, Some(averages(store))).child(halves).done()
}

fn view_of(store: Store) -> Option<MatrixView> {
    let model = store.model.get()?;
    let (run, url) = (store.traced.read(), store.url.read());
    let within = |at: u16, n: u32| usize::from(at).min(n.saturating_sub(1) as usize);
    let at = (within(url.layer, model.n_layers), within(url.head, model.n_heads));
    let expected = store.expected.read();
    let next = (*expected).as_ref().and_then(|expected| expected.predictions.top.first());
    let next = next.map_or_else(|| "next".into(), |next| label(&next.text, 12));
    let n_layers = model.n_layers as usize;
    align::alignment(&run.trace, n_layers, at, url.align, [&run.tokens, &run.keys], &next)
}

fn title(store: Store) -> String {
    let url = store.url.read();
    let (layer, head) = (url.layer, url.head);
    let of = match url.align {
        AlignOf::All => "mean of all heads".into(),
        AlignOf::Layer => format!("mean of layer {layer}"),
        AlignOf::Head => format!("layer {layer} head {head}"),
    };
    format!("Where each written token came from: {of}")
}

fn averages(store: Store) -> El {
    let button = |&of: &AlignOf| {
        let name = match of {
            AlignOf::All => "All heads",
            AlignOf::Layer => "Layer",
            AlignOf::Head => "Head",
        };
        let testid = format!("align-{}", of.word());
        let chosen = move || store.url.read().align == of;
        choice("switch", &testid, name, chosen, move || store.choose(|url| url.align = of))
    };
    el!(div class="switches" role="group" aria-label="What the alignment is the mean of")
        .child(AlignOf::ALL.iter().map(button).collect::<Vec<_>>())
}

/// The two sentences with lines between.
fn lines(view: Derived<Option<MatrixView>>, cursor: Derived<Cursor>, id: &'static str) -> El {
    let frame = el!(div class="lines-frame" tabindex="0" role="region" aria-label="Lines between the sentences");
    let size = use_size(&frame);
    let picture = part(move || match &*view.read() {
        Some(shown) => vec![picture(view, shown, cursor, id, size.get().0)],
        None => Vec::new(),
    });
    frame.class("waiting", move || view.read().is_none()).child(picture)
}

/// Middles of the words of a line, and where it ends: with less between them where the line would be wider than
/// there is room.
fn middles(labels: &[String], room: f64) -> (Vec<usize>, usize) {
    let width = |label: &String| (label.chars().count().max(2) as f64 * CHAR_WIDTH) as usize;
    let words: usize = labels.iter().map(width).sum();
    let fitting = (room - words as f64) / labels.len().max(1) as f64;
    let gap = fitting.clamp(LEAST_GAP, GAP) as usize;
    let mut at = 0;
    let middles = labels.iter().map(|label| {
        let width = width(label) + gap;
        at += width;
        at - width / 2
    });
    (middles.collect(), at)
}

fn picture(
    view: Derived<Option<MatrixView>>,
    shown: &MatrixView,
    cursor: Derived<Cursor>,
    id: &str,
    room: f64,
) -> View {
    let (source, source_end) = middles(&shown.col_labels, room);
    let (target, target_end) = middles(&shown.row_labels, room);
    let (above, below) = (source.clone(), target.clone());
    let drawn = part(move || {
        let view = view.read();
        let Some(view) = &*view else { return Vec::new() };
        let row = cursor.get().0.filter(|&row| row < view.n_rows);
        let best = best(view);
        // The largest of a row is drawn however small it is.
        let lines = edges(view, 0.0, row, usize::MAX).into_iter();
        let lines = lines.filter(|edge| {
            edge.weight >= MIN_SHARE || best[edge.query] == Some(edge.key) && edge.weight > 0.0
        });
        let line_view = |edge: crate::lens::attention::Edge| {
            let (Some(x1), Some(x2)) = (above.get(edge.key), below.get(edge.query)) else {
                return el!(line).into();
            };
            el!(line class="edge")
                .set("x1", &x1.to_string())
                .set("y1", &(SOURCE_Y + 12).to_string())
                .set("x2", &x2.to_string())
                .set("y2", &(TARGET_Y - 12).to_string())
                .set("stroke-opacity", &format::plain(edge.weight.clamp(0.12, 1.0)))
                .into()
        };
        lines.take(MAX_EDGES).map(line_view).collect()
    });
    let word = |label: &String, x: usize, y: usize| {
        el!(text class="edge-label" text-anchor="middle" dominant-baseline="central")
            .set("x", &x.to_string())
            .set("y", &y.to_string())
            .child(label.as_str())
    };
    let source: Vec<View> = shown
        .col_labels
        .iter()
        .zip(source)
        .enumerate()
        .map(|(idx, (l, x))| {
            word(l, x, SOURCE_Y).class("focused", move || cursor.get().1 == Some(idx)).into()
        })
        .collect();
    let target: Vec<View> = shown
        .row_labels
        .iter()
        .zip(target)
        .enumerate()
        .map(|(idx, (l, x))| {
            word(l, x, TARGET_Y).class("focused", move || cursor.get().0 == Some(idx)).into()
        })
        .collect();
    el!(svg class="lines" role="img")
        .set("data-testid", id)
        .set("width", &source_end.max(target_end).to_string())
        .set("height", &HEIGHT.to_string())
        .set("aria-label", &summary(shown))
        .child(drawn)
        .child(source)
        .child(target)
        .into()
}

/// `gato: cat, 0.8`, for those who do not see the lines.
fn summary(view: &MatrixView) -> String {
    let row = |(row, col): (usize, Option<usize>)| {
        let (target, col) = (view.row_labels.get(row)?, col?);
        let share = format::three(view.value(row, col)?);
        Some(format!("{target}: {}, {share}", view.col_labels.get(col)?))
    };
    let rows: Vec<String> = best(view).into_iter().enumerate().take(64).filter_map(row).collect();
    format!("Each written token and the source token that it came from most: {}", rows.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_move_together_before_the_line_is_cut() {
        let labels = vec!["four".to_owned(); 10];
        let end = |room| middles(&labels, room).1;
        assert_eq!(end(1000.0), end(500.0), "no further apart than they need");
        assert!(end(370.0) <= 370, "{}", end(370.0));
        assert_eq!(end(10.0), 10 * (28 + 6), "then it is scrolled");
        let middles = middles(&labels, 370.0).0;
        assert!(middles.windows(2).all(|pair| pair[1] - pair[0] >= 28), "{middles:?}");
    }
}
