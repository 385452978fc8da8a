//! What can be turned in a room: one static list a room. A value is a word, as it stands in the address.

use web_sys::Event;

use crate::format;
use crate::parts::dom::{El, View, el, part, show, value_of};
use crate::parts::term::explained;
use crate::rooms::Visit;
use crate::rooms::typing::field;
use crate::state::cell::{Var, derive};
use crate::state::url::{text_of_word, word_of_text};

/// A knob.
pub struct Knob {
    /// In the address.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What it can be.
    pub kind: Kind,
    /// What it is when nobody turns it.
    pub plain: &'static str,
    /// Whether it stands by itself, where the words have its place (`knob-NAME`).
    pub apart: bool,
    /// Whether it has a part in what is chosen; asks for the value of another knob.
    pub is_used: IsUsed,
}

/// Says whether a knob has a part, by the values of others.
pub type IsUsed = fn(Values) -> bool;

/// Gives the value of a knob by its name.
pub type Values<'a> = &'a dyn Fn(&str) -> String;

/// What a knob can be.
pub enum Kind {
    /// One of some words, each with what it is called.
    Words(&'static [(&'static str, &'static str)]),
    /// A number from, to, in steps of.
    Number(f32, f32, f32),
    /// A line of text, in the address as a word ([`word_of_text`]), with what the field says while it is empty.
    Text(&'static str),
}

impl Knob {
    /// Whether a knob can be this.
    pub fn accepts(&self, value: &str) -> bool {
        match self.kind {
            Kind::Words(words) => words.iter().any(|(word, _)| *word == value),
            Kind::Number(least, most, _) => {
                format::number(value).is_some_and(|value| (least..=most).contains(&(value as f32)))
            }
            Kind::Text(_) => value.is_empty() || text_of_word(value).is_some(),
        }
    }
}

/// The knobs of a room's machine, in a row.
pub fn knobs(visit: Visit) -> El {
    let of_machine = visit.room.knobs.iter().filter(|knob| !knob.apart);
    let made: Vec<View> = of_machine.map(|knob| view(visit, knob)).collect();
    el!(div class="room-knobs" role="group" aria-label="Knobs of the machine").child(made)
}

/// A knob that stands by itself.
pub fn apart(visit: Visit, name: &str) -> Option<El> {
    let knob = visit.room.knobs.iter().find(|knob| knob.name == name && knob.apart)?;
    Some(el!(div class="room-knobs").child(view(visit, knob)))
}

fn view(visit: Visit, knob: &'static Knob) -> View {
    let is_used = move || (knob.is_used)(&|name| visit.get(name));
    show(is_used, move || used(visit, knob).into())
}

fn used(visit: Visit, knob: &'static Knob) -> El {
    let input = match knob.kind {
        Kind::Words(words) => select(visit, knob, words),
        Kind::Number(least, most, step) => number(visit, knob, [least, most, step]),
        Kind::Text(empty) => text(visit, knob).set("placeholder", empty),
    };
    let input =
        input.set("data-testid", &format!("knob-{}", knob.name)).set("aria-label", knob.title);
    el!(div class="room-knob")
        .class("turned", move || visit.get(knob.name) != knob.plain)
        .child(explained(knob.title, knob.help))
        .child(input)
}

fn select(visit: Visit, knob: &'static Knob, words: &'static [(&'static str, &'static str)]) -> El {
    let options = part(move || {
        let option = |&(word, title): &(&'static str, &'static str)| {
            el!(option)
                .set("value", word)
                .prop("selected", move || visit.get(knob.name) == word)
                .child(title)
                .into()
        };
        words.iter().map(option).collect()
    });
    el!(select)
        .on("change", move |event: Event| {
            visit.turn(knob.name, &value_of(&event));
        })
        .child(options)
}

/// A number is typed, or stepped by arrows; what cannot be is marked and changes nothing.
fn number(visit: Visit, knob: &'static Knob, [least, most, step]: [f32; 3]) -> El {
    let refused = Var::new(false);
    let is_refused = derive(move || refused.get());
    el!(input type="number" class="num" autocomplete="off")
        .set("min", &format::plain(least))
        .set("max", &format::plain(most))
        .set("step", &format::plain(step))
        .value(move || visit.get(knob.name))
        .state("aria-invalid", move || is_refused.get())
        .on("change", move |event: Event| {
            refused.set(!visit.turn(knob.name, &value_of(&event)));
        })
}

/// A text is heard as it is typed: its first letter is a step of the browser's history, the rest goes on from it.
/// One that no address has room for is marked and changes nothing.
fn text(visit: Visit, knob: &'static Knob) -> El {
    let refused = Var::new(false);
    let is_refused = derive(move || refused.get());
    let heard = move |value: String| {
        let word = word_of_text(&value);
        refused.set(!word.is_empty() && text_of_word(&word).is_none());
        if visit.get_untracked(knob.name).is_empty() || word.is_empty() {
            visit.turn(knob.name, &word);
        } else {
            visit.slide(knob.name, &word);
        }
    };
    field(knob.title, move || text_of_word(&visit.get(knob.name)).unwrap_or_default(), heard)
        .state("aria-invalid", move || is_refused.get())
}
