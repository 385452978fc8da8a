//! Norms of gradients, weights and updates: a line a layer, and layer × time.

use crate::explorer::own_cursor;
use crate::lens::lab::norms::{Quantity, chart as spec_of, map, table};
use crate::parts::chart::chart;
use crate::parts::dom::{View, el, part};
use crate::parts::frame::{Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::svg;
use crate::parts::term::term;
use crate::state::cell::derive;
use crate::state::lab::Lab;
use crate::state::use_store;

/// The panel.
pub fn norms(lab: Lab) -> View {
    let store = use_store();
    let (quantity, each) = (lab.quantity, lab.each);
    let spec = derive(move || spec_of(&*lab.current.get()?, quantity.get()));
    let view = derive(move || map(&*lab.current.get()?, quantity.get(), each.get()));
    let what = move || quantity.get().name();
    let title = derive(move || {
        let of = if each.get() { "parameter" } else { "layer" };
        format!("The {} of each {of}, over the steps", what())
    });
    let numbers = move || {
        let run = lab.current.get_untracked()?;
        table(&run, quantity.get_untracked(), each.get_untracked())
    };
    let picture = move || {
        let view = view.read_untracked();
        svg::matrix((*view).as_ref()?, &title.read_untracked(), store.dark.get_untracked())
    };
    let kit = Kit {
        id: "lab-norms",
        explain: &[
            "Each row is a layer (or parameter), each column a step at which norms were taken: some two hundred over the run. The norm is the length of all its numbers together.",
            "The gradient is the one before it was cut down to the clipping norm. The update is what the optimiser made of it: its ratio to the weights says how fast a layer changes. Layers whose ratio is far from the others’ learn too slowly or too fast.",
            "The lines above the map are the same numbers on an axis of factors; broad pale lines are further layers in the same four colours.",
        ],
        table: Some(Box::new(numbers)),
        picture: Some(Box::new(picture)),
        hooks: None,
    };
    let switch = move |(of, word, name): (Quantity, &'static str, &'static str)| {
        el!(button type="button" class="switch")
            .set("data-testid", &format!("quantity-{word}"))
            .state("aria-pressed", move || quantity.get() == of)
            .when("click", move || quantity.set(of))
            .child(name)
            .into()
    };
    let switches: Vec<View> = Quantity::ALL.into_iter().map(switch).collect();
    let all = el!(label class="check")
        .child(
            el!(input type="checkbox" data-testid="lab-each")
                .prop("checked", move || each.get())
                .when("change", move || each.update(|each| *each = !*each)),
        )
        .child(el!(span).child("every parameter"));
    let words = el!(div class="cells-tools")
        .child(el!(div class="switches").child(switches))
        .child(all)
        .child(part(move || vec![term(what()).into()]));
    let (cursor, acts) = own_cursor();
    let testid = "lab-norm-map";
    let spec_of_map = Matrix { view, cursor, name: title, testid, square: false, max_cell: 24.0 };
    panel(kit, title, None)
        .child(words)
        .child(chart(spec, "norm-lines"))
        .child(matrix(spec_of_map, &acts))
        .done()
}
