//! A plate: one matrix of a machine under the symbol that names it in the equations.

use std::rc::Rc;

use crate::explorer::own_cursor;
use crate::lens::attention::MatrixView;
use crate::parts::dom::{El, el, part};
use crate::parts::matrix::{Acts, Cursor, Matrix, matrix};
use crate::parts::symbol::with_indices;
use crate::state::cell::Derived;

/// What a plate shows.
pub struct Plate {
    /// The symbol in the room's words.
    pub symbol: &'static str,
    /// What is to be seen: the symbol and words.
    pub title: Derived<String>,
    /// Its values.
    pub view: Derived<Option<MatrixView>>,
    /// For tests.
    pub testid: &'static str,
    /// Largest width of a cell.
    pub max_cell: f64,
    /// What is pointed at, where other plates follow it; its own if none.
    pub cursor: Option<(Derived<Cursor>, Rc<Acts>)>,
}

/// The plate.
pub fn plate(plate: Plate) -> El {
    let Plate { symbol, title, view, testid, max_cell, cursor } = plate;
    let (cursor, acts) = cursor.unwrap_or_else(own_cursor);
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell };
    el!(figure)
        .set("class", &format!("plate plate-{testid}"))
        .set("data-symbol", symbol)
        .child(el!(figcaption).child(part(move || with_indices(&title.get()))))
        .child(matrix(spec, &acts))
}
