//! What must hold, with how far it is from holding in this run: one quiet line.

use crate::format;
use crate::parts::dom::{El, View, el};
use crate::parts::symbol::with_indices;
use crate::state::cell::Derived;

/// An identity that is checked on live data.
pub struct Invariant {
    /// What must hold.
    pub name: &'static str,
    /// The error of the last run; none while there is none, or where it does not apply.
    pub error: Derived<Option<f32>>,
    /// The largest error that is rounding.
    pub bound: f32,
}

/// The line.
pub fn invariants(all: Vec<Invariant>) -> El {
    let items: Vec<View> = all.into_iter().map(item).collect();
    el!(ul class="room-invariants" data-testid="invariants-room").child(items)
}

fn item(of: Invariant) -> View {
    let Invariant { name, error, bound } = of;
    let is_broken = move || error.get().is_some_and(|error| error.is_nan() || error > bound);
    let words = move || match error.get() {
        None => "does not apply now".to_owned(),
        Some(error) => format!("error {}", format::three(error)),
    };
    let verdict = move || match error.get() {
        None => "",
        Some(error) if error <= bound => "holds",
        Some(_) => "broken",
    };
    el!(li)
        .class("broken", is_broken)
        .child(el!(span).child(with_indices(name)))
        .child(el!(span class="num").text(words))
        .child(el!(span class="verdict").text(verdict))
        .child(el!(span class="hint").child(format!("bound {}", format::three(bound))))
        .into()
}
