//! A matrix: a canvas that shows the values, and over it a grid that mouse, touch and keyboard
//! move on. Only the cell at the cursor is a node of the page; the panel's table has all.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, KeyboardEvent, PointerEvent};

use crate::format;
use crate::lens::attention::MatrixView;
use crate::parts::dom::{El, effect, el};
use crate::parts::grid::{Content, Grid};
use crate::parts::legend::legend;
use crate::parts::paint::{self, Inks};
use crate::parts::size::{pixel_ratio, use_size};
use crate::state::cell::{Derived, derive};
use crate::state::use_store;

/// A row and a column, either of which may be open.
pub type Cursor = (Option<usize>, Option<usize>);

/// A row and a column.
pub type Cell = (usize, usize);

/// What happens on the matrix.
pub struct Acts {
    /// The pointer is over a cell, or left.
    pub hover: Box<dyn Fn(Option<Cell>)>,
    /// A cell was clicked, tapped or entered.
    pub pin: Box<dyn Fn(Cell)>,
    /// The keyboard moved to a cell.
    pub move_to: Box<dyn Fn(Cell)>,
}

/// What a matrix shows.
pub struct Matrix {
    /// The values; a shape stands in for them while there are none.
    pub view: Derived<Option<MatrixView>>,
    /// What is pointed at.
    pub cursor: Derived<Cursor>,
    /// What it is, for those who do not see it.
    pub name: Derived<String>,
    /// For tests.
    pub testid: &'static str,
    /// Cells as high as wide.
    pub square: bool,
    /// Largest width of a cell.
    pub max_cell: f64,
}

/// Where a mark stands: left, top, width, height.
type Place = fn(&Grid, Cursor) -> Option<[f64; 4]>;

/// A matrix.
pub fn matrix(spec: Matrix, acts: &Rc<Acts>) -> El {
    let Matrix { view, cursor, name, testid, square, max_cell } = spec;
    let store = use_store();
    let frame = el!(div class="matrix-frame");
    let size = use_size(&frame);
    let grid = derive(move || {
        let (width, height) = size.get();
        (*view.read()).as_ref().map_or(Grid::default(), |view| {
            Grid::fit(Content::of(view, square, max_cell), width, height, pixel_ratio())
        })
    });
    let canvas = el!(canvas class="picture" aria-hidden="true")
        .style("width", move || px(grid.read().width))
        .style("height", move || px(grid.read().height));
    let picture: HtmlCanvasElement = canvas.element().clone().unchecked_into();
    effect(move || {
        // The values first: an effect whose first source only leads to others, and stays as it is,
        // does not hear of those (reactive_graph 0.2.16).
        let view = view.read();
        let (grid, inks) = (grid.get(), Inks::of(store.dark.get()));
        if let Some(view) = &*view {
            paint::paint(&picture, view, &grid, inks, pixel_ratio());
        }
    });
    let cell = derive(move || match cursor.get() {
        (Some(row), Some(col)) => Some((row, col)),
        _ => None,
    });
    let says = derive(move || {
        (*view.read()).as_ref().zip(cell.get()).map(|(v, (r, c))| read_out(v, r, c))
    });
    let place = move |mark: El, of: Place| {
        let at = derive(move || of(&grid.read(), cursor.get()));
        let side = move |side: usize| move || px(at.get().map_or(0.0, |rect| rect[side]));
        mark.class("unseen", move || at.read().is_none())
            .style("left", side(0))
            .style("top", side(1))
            .style("width", side(2))
            .style("height", side(3))
    };
    let id = format!("{testid}-cell");
    let marked = el!(div role="gridcell" class="matrix-cell" aria-selected="true")
        .set("id", &id)
        .attr("aria-colindex", move || cell.get().map(|cell| (cell.1 + 1).to_string()))
        .attr("aria-label", move || says.get());
    let row = el!(div role="row")
        .attr("aria-rowindex", move || cell.get().map(|cell| (cell.0 + 1).to_string()))
        .child(place(marked, cell_rect));
    let cells = el!(div class="matrix-grid" role="grid" tabindex="0")
        .set("data-testid", testid)
        .attr("aria-label", move || name.get())
        .set("aria-describedby", &format!("{testid}-summary"))
        .attr("aria-rowcount", move || grid.read().n_rows.to_string())
        .attr("aria-colcount", move || grid.read().n_cols.to_string())
        .attr("aria-activedescendant", move || cell.get().map(|_| id.clone()))
        .style("width", move || px(grid.read().width))
        .style("height", move || px(grid.read().height));
    let cells = listen(cells, grid, cursor, acts)
        .child(canvas)
        .child(place(el!(div class="matrix-row" aria-hidden="true"), row_rect))
        .child(place(el!(div class="matrix-col" aria-hidden="true"), col_rect))
        .child(row);
    let foot = el!(div class="matrix-foot").child(legend(view)).child(
        el!(p class="readout num")
            .set("data-testid", &format!("{testid}-value"))
            .child(el!(bdi).text(move || says.get())),
    );
    let summary = move || (*view.read()).as_ref().map(summarize);
    el!(div class="matrix")
        .class("waiting", move || view.read().is_none())
        .child(frame.child(cells))
        .child(el!(p class="visually-hidden").set("id", &format!("{testid}-summary")).text(summary))
        .child(foot)
}

fn px(value: f64) -> String {
    format::trimmed(value) + "px"
}

/// Mouse, touch and keyboard.
fn listen(cells: El, grid: Derived<Grid>, cursor: Derived<Cursor>, acts: &Rc<Acts>) -> El {
    let known = Rc::clone(acts);
    let on_move = move |event: PointerEvent| (known.hover)(cell_at(grid, &event));
    let known = Rc::clone(acts);
    let on_leave = move || (known.hover)(None);
    let known = Rc::clone(acts);
    let on_click = move |event: PointerEvent| {
        if let Some(cell) = cell_at(grid, &event) {
            (known.pin)(cell);
        }
    };
    let known = Rc::clone(acts);
    let on_key = move |event: KeyboardEvent| {
        let at = match cursor.get_untracked() {
            (None, None) => None,
            (row, col) => Some((row.unwrap_or(0), col.unwrap_or(0))),
        };
        if let Some(cell) = grid.read_untracked().step(at, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            (known.move_to)(cell);
        } else if event.key() == "Enter"
            && let Some(cell) = at
        {
            (known.pin)(cell);
        }
    };
    cells
        .on("pointermove", on_move.clone())
        .on("pointerdown", on_move)
        .when("pointerleave", on_leave)
        .on("click", on_click)
        .on("keydown", on_key)
}

fn cell_at(grid: Derived<Grid>, event: &PointerEvent) -> Option<Cell> {
    grid.read_untracked().cell_at(f64::from(event.offset_x()), f64::from(event.offset_y()))
}

/// `fox, brown: 0.2134567`.
fn read_out(view: &MatrixView, row: usize, col: usize) -> String {
    let label = |labels: &[String], idx: usize| labels.get(idx).cloned().unwrap_or_default();
    let value = match view.value(row, col) {
        Some(value) => format::exact(value),
        None if view.is_far(row, col) => "too far back to be seen".into(),
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
            ..MatrixView::default()
        };
        assert_eq!(
            summarize(&view),
            "2 rows, 2 columns of attention weight. Largest at a, a: 1. 1 values are not finite."
        );
        assert_eq!(read_out(&view, 0, 1), "a, b: not seen");
        assert_eq!(read_out(&view, 5, 0), "");
    }
}
