//! Any parameter, its gradient or what the optimiser remembers of it, as a heat-map.

use web_sys::Event;

use crate::explorer::{labelled, own_cursor, rows_table};
use crate::lens::lab::maps::values;
use crate::parts::dom::{El, View, el, part, value_of};
use crate::parts::frame::{Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::svg;
use crate::protocol::lab::{Look, Part};
use crate::state::cell::derive;
use crate::state::lab::Lab;
use crate::state::use_store;

/// What of a parameter can be looked at: word, name, moments that the optimiser must have.
const PARTS: [(Part, &str, &str, u32); 4] = [
    (Part::Value, "value", "its values", 0),
    (Part::Gradient, "gradient", "its gradient", 0),
    (Part::Mean, "mean", "mean of gradients", 1),
    (Part::Square, "square", "mean of their squares", 2),
];

/// The panel.
pub fn heat(lab: Lab) -> View {
    let store = use_store();
    let view = derive(move || {
        let heat = lab.heat.read();
        let is_asked = heat.values.look == lab.look.get();
        values(&heat.values, &heat.floats).filter(|_| is_asked)
    });
    let title = derive(move || {
        let (run, look) = (lab.current.get(), lab.look.get());
        let parameter =
            run.as_ref().and_then(|run| run.facts.parameters.get(look.parameter as usize));
        let part =
            PARTS.iter().find(|(part, ..)| *part == look.part).map_or("", |(.., name, _)| *name);
        match parameter {
            None => "A parameter as a heat-map".to_owned(),
            Some(fact) => {
                let (rows, cols) = fact.shape;
                let step = lab.heat.read().values.step;
                format!("{}, {rows} × {cols}: {part} after step {step}", fact.name)
            }
        }
    });
    let picture = move || {
        let view = view.read_untracked();
        svg::matrix((*view).as_ref()?, &title.read_untracked(), store.dark.get_untracked())
    };
    let numbers =
        move || (*view.read_untracked()).as_ref().map(|v| rows_table(v, &title.read_untracked()));
    let kit = Kit {
        id: "lab-heat",
        explain: &[
            "One parameter as it is now, or the gradient of a step, or what the optimiser remembers: Adam keeps a running mean of gradients and one of their squares. Rows are outputs (or tokens, or positions), columns inputs.",
            "A large matrix comes as means of boxes of equal size; the legend says of what size. It is read back from the engine twice a second while the run goes on, and only while it is shown here.",
        ],
        table: Some(Box::new(numbers)),
        picture: Some(Box::new(picture)),
        hooks: None,
    };
    let (cursor, acts) = own_cursor();
    let testid = "heat-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell: 20.0 };
    let waits = move || {
        if lab.current.read().is_none() {
            return Some("Train, then choose a parameter: its numbers change here as it learns.");
        }
        let is_gradient = lab.look.get().part == Part::Gradient;
        (is_gradient && view.read().is_none()).then_some("A gradient comes with the next step.")
    };
    panel(kit, title, None)
        .child(tools(lab))
        .child(el!(p class="hint lab-empty").text(waits))
        .child(matrix(spec, &acts))
        .done()
}

fn tools(lab: Lab) -> El {
    let names = derive(move || {
        let run = lab.current.get();
        let facts = run.map(|run| run.facts.parameters.clone()).unwrap_or_default();
        facts.into_iter().map(|fact| (fact.name, fact.n_moments)).collect::<Vec<_>>()
    });
    let parameters = part(move || {
        let option = |(place, (name, _)): (usize, &(String, u32))| {
            el!(option)
                .set("value", &place.to_string())
                .prop("selected", move || lab.look.get().parameter as usize == place)
                .child(name.as_str())
                .into()
        };
        names.read().iter().enumerate().map(option).collect()
    });
    let n_moments = derive(move || names.read().first().map_or(0, |(_, n)| *n));
    let parts = part(move || {
        let has = |(.., needed): &&(Part, &str, &str, u32)| *needed <= n_moments.get();
        let option = |&(part, word, name, _): &(Part, &'static str, &'static str, u32)| {
            el!(option)
                .set("value", word)
                .prop("selected", move || lab.look.get().part == part)
                .child(name)
                .into()
        };
        PARTS.iter().filter(has).map(option).collect()
    });
    let choose_parameter = move |event: Event| {
        if let Ok(parameter) = value_of(&event).parse() {
            lab.look_at(Look { parameter, ..lab.look.get_untracked() });
        }
    };
    let choose_part = move |event: Event| {
        let word = value_of(&event);
        if let Some((part, ..)) = PARTS.iter().find(|(_, known, ..)| *known == word) {
            lab.look_at(Look { part: *part, ..lab.look.get_untracked() });
        }
    };
    let parameter =
        el!(select data-testid="heat-parameter").on("change", choose_parameter).child(parameters);
    let part = el!(select data-testid="heat-part").on("change", choose_part).child(parts);
    el!(div class="cells-tools")
        .class("unseen", move || names.read().is_empty())
        .child(labelled("parameter", parameter))
        .child(labelled("show", part))
}
