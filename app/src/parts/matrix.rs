//! A matrix: a canvas that shows the values, and over it a grid that mouse, touch and keyboard
//! move on. Only the cell at the cursor is a node of the page; the panel's table has all.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;

use crate::format;
use crate::lens::attention::MatrixView;
use crate::parts::grid::{Content, Grid};
use crate::parts::legend::Legend;
use crate::parts::paint::{self, Inks};
use crate::parts::size::{pixel_ratio, use_size};
use crate::state::use_store;

/// A row and a column, either of which may be open.
pub type Cursor = (Option<usize>, Option<usize>);

/// What happens on the matrix.
#[derive(Clone, Copy)]
pub struct Acts {
    /// The pointer is over a cell, or left.
    pub hover: Callback<Option<(usize, usize)>>,
    /// A cell was clicked, tapped or entered.
    pub pin: Callback<(usize, usize)>,
    /// The keyboard moved to a cell.
    pub move_to: Callback<(usize, usize)>,
}

/// A matrix.
#[component]
pub fn Matrix(
    /// The values; a shape stands in for them while there are none.
    #[prop(into)]
    view: Signal<Option<Arc<MatrixView>>>,
    /// What is pointed at.
    #[prop(into)]
    cursor: Signal<Cursor>,
    /// What it is, for those who do not see it.
    #[prop(into)]
    name: Signal<String>,
    /// What happens.
    acts: Acts,
    /// For tests.
    testid: &'static str,
    /// Cells as high as wide.
    #[prop(optional)]
    square: bool,
    /// Largest width of a cell.
    #[prop(default = 48.0)]
    max_cell: f64,
) -> AnyView {
    let store = use_store();
    let frame = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let size = use_size(frame);
    let grid = Memo::new(move |_| {
        let (width, height) = size.get();
        view.read().as_ref().map_or(Grid::default(), |view| {
            Grid::fit(content(view, square, max_cell), width, height, pixel_ratio())
        })
    });
    Effect::new(move |_| {
        let (grid, inks) = (grid.get(), Inks::of(store.dark.get()));
        if let (Some(canvas), Some(view)) = (canvas.get(), view.get()) {
            paint::paint(&canvas, &view, &grid, inks, pixel_ratio());
        }
    });
    let cell_at = move |event: &PointerEvent| {
        grid.get_untracked().cell_at(f64::from(event.offset_x()), f64::from(event.offset_y()))
    };
    let on_move = move |event: PointerEvent| acts.hover.run(cell_at(&event));
    let on_click = move |event: leptos::ev::MouseEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        if let Some(cell) = grid.get_untracked().cell_at(x, y) {
            acts.pin.run(cell);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let at = match cursor.get_untracked() {
            (None, None) => None,
            (row, col) => Some((row.unwrap_or(0), col.unwrap_or(0))),
        };
        if let Some(cell) = grid.get_untracked().step(at, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            acts.move_to.run(cell);
        } else if event.key() == "Enter"
            && let Some(cell) = at
        {
            acts.pin.run(cell);
        }
    };
    let id = format!("{testid}-cell");
    let cell = move || match cursor.get() {
        (Some(row), Some(col)) => Some((row, col)),
        _ => None,
    };
    let says = move || view.read().as_ref().zip(cell()).map(|(v, (r, c))| read_out(v, r, c));
    let summary = move || view.read().as_ref().map(|view| summarize(view)).unwrap_or_default();
    let place = move |of: fn(&Grid, Cursor) -> Option<[f64; 4]>, side: usize| {
        move || of(&grid.get(), cursor.get()).map_or(0.0, |rect| rect[side]).to_string() + "px"
    };
    let is_off = move |of: fn(&Grid, Cursor) -> Option<[f64; 4]>| {
        move || of(&grid.get(), cursor.get()).is_none()
    };
    let band = move |class: &'static str, of: fn(&Grid, Cursor) -> Option<[f64; 4]>| {
        view! {
            <div
                class=class
                class:unseen=is_off(of)
                aria-hidden="true"
                style:left=place(of, 0)
                style:top=place(of, 1)
                style:width=place(of, 2)
                style:height=place(of, 3)
            ></div>
        }
        .into_any()
    };
    let active = id.clone();
    view! {
        <div class="matrix" class:waiting=move || view.read().is_none()>
            <div class="matrix-frame" node_ref=frame>
                <div
                    class="matrix-grid"
                    role="grid"
                    tabindex="0"
                    data-testid=testid
                    aria-label=name
                    aria-describedby=format!("{testid}-summary")
                    aria-rowcount=move || grid.get().n_rows.to_string()
                    aria-colcount=move || grid.get().n_cols.to_string()
                    aria-activedescendant=move || cell().map(|_| active.clone())
                    style:width=move || format!("{}px", grid.get().width)
                    style:height=move || format!("{}px", grid.get().height)
                    on:pointermove=on_move
                    on:pointerdown=on_move
                    on:pointerleave=move |_| acts.hover.run(None)
                    on:click=on_click
                    on:keydown=on_key
                >
                    <canvas
                        class="picture"
                        node_ref=canvas
                        aria-hidden="true"
                        style:width=move || format!("{}px", grid.get().width)
                        style:height=move || format!("{}px", grid.get().height)
                    ></canvas>
                    {band("matrix-row", row_rect)} {band("matrix-col", col_rect)}
                    <div role="row" aria-rowindex=move || cell().map(|cell| (cell.0 + 1).to_string())>
                        <div
                            id=id
                            role="gridcell"
                            class="matrix-cell"
                            class:unseen=is_off(cell_rect)
                            aria-colindex=move || cell().map(|cell| (cell.1 + 1).to_string())
                            aria-selected="true"
                            aria-label=says
                            style:left=place(cell_rect, 0)
                            style:top=place(cell_rect, 1)
                            style:width=place(cell_rect, 2)
                            style:height=place(cell_rect, 3)
                        ></div>
                    </div>
                </div>
            </div>
            <p class="visually-hidden" id=format!("{testid}-summary")>{summary}</p>
            <div class="matrix-foot">
                <Legend
                    scale=Signal::derive(move || view.read().as_ref().map(|view| view.scale))
                    quantity=Signal::derive(move || {
                        view.read().as_ref().map(|view| view.quantity.clone()).unwrap_or_default()
                    })
                    masked=Signal::derive(move || {
                        view.read().as_ref().is_some_and(|view| view.masked.contains(&true))
                    })
                />
                <p class="readout num" data-testid=format!("{testid}-value")><bdi>{says}</bdi></p>
            </div>
        </div>
    }
    .into_any()
}

fn content(view: &MatrixView, square: bool, max_cell: f64) -> Content {
    let longest = |labels: &[String]| labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    Content {
        n_rows: view.n_rows,
        n_cols: view.n_cols,
        row_chars: longest(&view.row_labels),
        col_chars: longest(&view.col_labels),
        square,
        max_cell,
    }
}

/// `fox, brown: 0.2134567`.
fn read_out(view: &MatrixView, row: usize, col: usize) -> String {
    let label = |labels: &[String], idx: usize| labels.get(idx).cloned().unwrap_or_default();
    let value = match view.value(row, col) {
        Some(value) => format::exact(value),
        None if row < view.n_rows && col < view.n_cols => "not seen".into(),
        None => return String::new(),
    };
    format!("{}, {}: {value}", label(&view.row_labels, row), label(&view.col_labels, col))
}

/// A sentence computed from the data.
fn summarize(view: &MatrixView) -> String {
    let mut largest: Option<(f32, usize, usize)> = None;
    let mut n_non_finite = 0;
    for row in 0..view.n_rows {
        for col in 0..view.n_cols {
            match view.value(row, col) {
                Some(value) if !value.is_finite() => n_non_finite += 1,
                Some(value) if largest.is_none_or(|(most, ..)| value > most) => {
                    largest = Some((value, row, col));
                }
                _ => {}
            }
        }
    }
    let mut text = format!("{} rows, {} columns of {}.", view.n_rows, view.n_cols, view.quantity);
    if let Some((_, row, col)) = largest {
        text.push_str(&format!(" Largest at {}.", read_out(view, row, col)));
    }
    if n_non_finite > 0 {
        text.push_str(&format!(" {n_non_finite} values are not finite."));
    }
    text
}

fn cell_rect(grid: &Grid, cursor: Cursor) -> Option<[f64; 4]> {
    let (row, col) = (cursor.0?, cursor.1?);
    if row >= grid.n_rows || col >= grid.n_cols {
        return None;
    }
    let (x, y) = grid.corner(row, col);
    Some([x, y, grid.cell_width, grid.cell_height])
}

fn row_rect(grid: &Grid, cursor: Cursor) -> Option<[f64; 4]> {
    let row = cursor.0.filter(|&row| row < grid.n_rows)?;
    let (_, y) = grid.corner(row, 0);
    Some([0.0, y, grid.left + grid.cell_width * grid.n_cols as f64, grid.cell_height])
}

fn col_rect(grid: &Grid, cursor: Cursor) -> Option<[f64; 4]> {
    let col = cursor.1.filter(|&col| col < grid.n_cols)?;
    let (x, _) = grid.corner(0, col);
    Some([x, grid.top, grid.cell_width, grid.cell_height * grid.n_rows as f64])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::Scale;

    #[test]
    fn summary_and_read_out_come_from_the_data() {
        let view = MatrixView {
            n_rows: 2,
            n_cols: 2,
            values: vec![1.0, 0.0, 0.25, f32::NAN],
            masked: vec![false, true, false, false],
            row_labels: vec!["a".into(), "b".into()],
            col_labels: vec!["a".into(), "b".into()],
            scale: Scale::UNIT,
            quantity: "attention weight".into(),
        };
        assert_eq!(
            summarize(&view),
            "2 rows, 2 columns of attention weight. Largest at a, a: 1. 1 values are not finite."
        );
        assert_eq!(read_out(&view, 0, 1), "a, b: not seen");
        assert_eq!(read_out(&view, 5, 0), "");
    }
}
