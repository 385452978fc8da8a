//! One knob: its name with an explanation, what turns it, and what is wrong with it.

use web_sys::Event;

use crate::lens::lab::knobs::{Kind, Knob, is_used};
use crate::parts::dom::{El, View, el, input_of, part, show, value_of};
use crate::parts::term::explained;
use crate::state::cell::{Var, derive};
use crate::state::lab::Lab;

/// A knob, as long as it has a part in the run.
pub fn knob(lab: Lab, knob: &'static Knob) -> View {
    let is_used = move || is_used(knob.name, &lab.choice.read());
    show(is_used, move || used(lab, knob).into())
}

fn used(lab: Lab, knob: &'static Knob) -> El {
    // What was typed and cannot be.
    let refused = Var::new(false);
    let problem = derive(move || {
        if refused.get() {
            return Some(range(knob.kind));
        }
        let fault = lab.fault.get()?;
        (fault.field.as_deref() == Some(knob.name)).then_some(fault.what)
    });
    let id = format!("knob-{}", knob.name);
    let input = match knob.kind {
        Kind::Words(words) => select(lab, knob, words),
        Kind::Flag => flag(lab, knob),
        Kind::Whole(..) | Kind::Real(..) => number(lab, knob, refused),
    };
    let input = input
        .set("data-testid", &id)
        .set("aria-label", knob.title)
        .set("aria-describedby", &format!("{id}-problem"))
        .state("aria-invalid", move || problem.read().is_some());
    let said = el!(p class="knob-problem").set("id", &format!("{id}-problem"));
    el!(div class="knob")
        .class("turned", move || lab.choice.read().get(knob.name) != knob.plain)
        .child(explained(knob.title, knob.help))
        .child(input)
        .child(said.text(move || problem.get()))
}

fn select(lab: Lab, knob: &'static Knob, words: &'static [(&'static str, &'static str)]) -> El {
    let options = part(move || {
        let option = |&(word, title): &(&'static str, &'static str)| {
            el!(option)
                .set("value", word)
                .prop("selected", move || lab.choice.read().get(knob.name) == word)
                .child(title)
                .into()
        };
        words.iter().map(option).collect()
    });
    el!(select)
        .on("change", move |event: Event| {
            lab.turn(knob.name, &value_of(&event));
        })
        .child(options)
}

fn flag(lab: Lab, knob: &'static Knob) -> El {
    el!(input type="checkbox")
        .prop("checked", move || lab.choice.read().get(knob.name) == "true")
        .on("change", move |event: Event| {
            if let Some(input) = input_of(&event) {
                lab.turn(knob.name, if input.checked() { "true" } else { "false" });
            }
        })
}

fn number(lab: Lab, knob: &'static Knob, refused: Var<bool>) -> El {
    el!(input type="text" inputmode="decimal" autocomplete="off" spellcheck="false" class="num")
        .value(move || lab.choice.read().get(knob.name).to_owned())
        .on("change", move |event: Event| {
            refused.set(!lab.turn(knob.name, &value_of(&event)));
        })
}

/// What a number may be.
fn range(kind: Kind) -> String {
    match kind {
        Kind::Whole(least, most) => format!("A whole number from {least} to {most}."),
        Kind::Real(least, most) => {
            let number = |value: f64| crate::format::exact(value as f32);
            format!("A number from {} to {}.", number(least), number(most))
        }
        Kind::Words(_) | Kind::Flag => String::new(),
    }
}
