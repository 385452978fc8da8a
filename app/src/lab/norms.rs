//! Norms of gradients, weights and updates: a line a layer, and layer × time.

use crate::lab::over_steps::{Shown, over_steps};
use crate::lab::switch::switches;
use crate::lens::lab::norms::{Quantity, over_steps as taken};
use crate::lens::lab::over_steps::OverSteps;
use crate::parts::dom::{View, el, part};
use crate::parts::term::asked;
use crate::state::cell::derive;
use crate::state::lab::{Lab, use_lab};

/// The panel.
pub fn norms(lab: Lab) -> View {
    let (quantity, each) = (lab.quantity, lab.each);
    let what = move || quantity.get().name();
    let empty = move || {
        let words = "Train: the norms of each layer grow here, a line and a row a layer.";
        lab.current.read().is_none().then_some(words)
    };
    let all = el!(label class="check")
        .child(
            el!(input type="checkbox" data-testid="lab-each")
                .prop("checked", move || each.get())
                .when("change", move || each.update(|each| *each = !*each)),
        )
        .child(el!(span).child("every parameter"));
    let tools = el!(div class="cells-tools")
        .child(switches("quantity", quantity, &Quantity::ALL))
        .child(all)
        .child(part(move || vec![asked(what()).into()]))
        .child(el!(p class="hint lab-empty").text(empty));
    let shown = Shown {
        id: "lab-norms",
        testids: ["lab-norm-map", "norm-lines"],
        explain: &[
            "Each row is a layer (or parameter), each column a step at which norms were taken, at most 64 of them; the table has all. The norm is the length of all its numbers together.",
            "The gradient is the one before it was cut down to the clipping norm. The update is what the optimiser made of it: its ratio to the weights says how fast a layer changes. Layers whose ratio is far from the others’ learn too slowly or too fast.",
            "The lines above the map are the same numbers, on an axis of factors (unless one is 0 and the others are of one size); broad pale lines are further layers in the same four colours.",
        ],
        title: derive(move || {
            let of = if each.get() { "parameter" } else { "layer" };
            format!("The {} of each {of}, over the steps", what())
        }),
        view: derive(move || taken(&*lab.current.get()?, quantity.get(), each.get()).map()),
        spec: derive(move || {
            let title = format!("The {} of each layer", what());
            taken(&*lab.current.get()?, quantity.get(), false).chart(title)
        }),
    };
    over_steps(shown, numbers, tools)
}

fn numbers() -> OverSteps {
    let lab = use_lab();
    let run = lab.current.get_untracked().unwrap_or_default();
    taken(&run, lab.quantity.get_untracked(), lab.each.get_untracked())
}
