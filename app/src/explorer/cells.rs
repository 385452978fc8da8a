//! Part of a matrix of the weights: which part is asked for, and where in the matrix it lies.

use std::rc::Rc;

use web_sys::Event;

use crate::parts::dom::{El, effect, el, input_of};
use crate::parts::matrix::{Acts, Cursor};
use crate::protocol::WeightsAsk;
use crate::state::Store;
use crate::state::cell::{Derived, Var, derive};

/// Rows and columns that are asked for at once.
pub const SIZE: (u32, u32) = (64, 192);

/// Asks for the named matrix whenever it, the model or the part that is shown becomes another.
pub fn follow(store: Store, name: Derived<Option<String>>, spectrum: bool) {
    let asked = derive(move || {
        let name = name.get()?;
        let first = store.url.read().cells;
        Some(WeightsAsk { name, first, size: SIZE, spectrum })
    });
    effect(move || {
        // Another model has another matrix of this name.
        store.card.read();
        if let Some(ask) = asked.get() {
            store.weigh(ask);
        }
    });
}

/// Where the part begins, as two numbers to type or step.
pub fn place(store: Store, shape: Derived<Option<(u32, u32)>>) -> El {
    let side = move |name: &str, testid: &str, is_row: bool| {
        let most = move || {
            let (n, size) = match (shape.get(), is_row) {
                (Some(shape), true) => (shape.0, SIZE.0),
                (Some(shape), false) => (shape.1, SIZE.1),
                (None, _) => return 0,
            };
            n.saturating_sub(size)
        };
        let now = move || {
            let cells = store.url.read().cells;
            if is_row { cells.0 } else { cells.1 }.min(most())
        };
        let step = if is_row { SIZE.0 } else { SIZE.1 };
        let choose = move |first: u32| {
            let first = first.min(most());
            store.choose(|url| {
                *(if is_row { &mut url.cells.0 } else { &mut url.cells.1 }) = first;
            });
        };
        number(name, testid, now, most, choose)
            .attr("step", move || step.min(most().max(1)).to_string())
    };
    el!(div class="cells-place")
        .child(labelled("from row", side("First row", "cells-row", true)))
        .child(labelled("column", side("First column", "cells-col", false)))
}

/// An input for a whole number from 0 to `most`.
pub fn number(
    name: &str,
    testid: &str,
    now: impl Fn() -> u32 + 'static,
    most: impl Fn() -> u32 + 'static,
    choose: impl Fn(u32) + 'static,
) -> El {
    let on_change = move |event: Event| {
        if let Some(value) = input_of(&event).map(|input| input.value_as_number())
            && value >= 0.0
        {
            choose(value as u32);
        }
    };
    el!(input type="number" min="0")
        .set("aria-label", name)
        .set("data-testid", testid)
        .attr("max", move || most().to_string())
        .value(move || now().to_string())
        .on("change", on_change)
}

/// An input with its word before it.
pub fn labelled(word: &str, input: El) -> El {
    el!(label class="select").child(el!(span).child(word)).child(input)
}

/// A cursor of its own: pointing and arrows move it, nothing else on the page follows.
pub fn own_cursor() -> (Derived<Cursor>, Rc<Acts>) {
    let at: Var<Cursor> = Var::new((None, None));
    let set = move |cell: Option<(usize, usize)>| {
        at.set(cell.map_or((None, None), |(row, col)| (Some(row), Some(col))));
    };
    let acts = Rc::new(Acts {
        hover: Box::new(set),
        pin: Box::new(move |cell| set(Some(cell))),
        move_to: Box::new(move |cell| set(Some(cell))),
    });
    (derive(move || at.get()), acts)
}
