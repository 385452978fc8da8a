//! The search for the target, as a tree.

use web_sys::Event;

use super::machine::Machine;
use crate::explorer::{labelled, search};
use crate::parts::dom::{Child, View, el, value_of};

/// How many hypotheses side by side.
const BEAMS: [(u8, &str); 4] = [(1, "1, greedy"), (2, "2"), (4, "4"), (8, "8")];

/// How wide the search is, what it found, and its tree.
pub fn view(machine: Machine) -> View {
    let store = machine.visit.store;
    let option = |&(n_beams, name): &(u8, &'static str)| {
        el!(option)
            .set("value", &n_beams.to_string())
            .prop("selected", move || store.url.read().beams == n_beams)
            .child(name)
            .into()
    };
    let on_beams = move |event: Event| {
        if let Ok(n_beams) = value_of(&event).parse() {
            store.write(n_beams);
        }
    };
    let select = el!(select data-testid="attention-beams")
        .on("change", on_beams)
        .child(BEAMS.iter().map(option).collect::<Vec<View>>());
    vec![
        el!(div class="room-knobs").child(labelled("beams", select)).into(),
        el!(div class="attention-search").child(search(store)).into(),
    ]
    .into_node()
}
