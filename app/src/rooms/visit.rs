//! What a room's parts share: its knobs and its step, which are in the address, and what is lit.

use crate::format;
use crate::parts::dom::document;
use crate::rooms::{Open, ROOMS, Room};
use crate::state::Store;
use crate::state::cell::{Derived, Var, derive};
use crate::state::url::{Place, UrlState};

/// A visit to a room.
#[derive(Clone, Copy)]
pub struct Visit {
    /// The page's state.
    pub store: Store,
    /// The room.
    pub room: &'static Open,
    /// How many steps its machine has; 0 while there are none.
    pub n_steps: Var<usize>,
    /// Whether the steps go on by themselves.
    pub playing: Var<bool>,
    /// The symbol that is pointed at, by its name; empty if none is.
    pub lit: Var<String>,
    /// How many parts can be presented.
    pub n_parts: Var<u8>,
}

impl Visit {
    /// A visit.
    pub fn new(store: Store, room: &'static Open) -> Self {
        Self {
            store,
            room,
            n_steps: Var::default(),
            playing: Var::default(),
            lit: Var::default(),
            n_parts: Var::new(1),
        }
    }

    /// What the list says of the room.
    pub fn entry(&self) -> &'static Room {
        &ROOMS[usize::from(self.room.number) - 1]
    }

    /// Whether this room is on screen.
    pub fn is_here(&self) -> bool {
        let url = self.store.url.read();
        url.place == Place::Room && url.room.number == self.room.number
    }

    /// A knob's value: the one of the address where the knob can be that.
    pub fn get(&self, name: &str) -> String {
        value(self.room, &self.store.url.read(), name)
    }

    /// As [`Visit::get`], without hearing of changes.
    pub fn get_untracked(&self, name: &str) -> String {
        value(self.room, &self.store.url.read_untracked(), name)
    }

    /// A knob as a number; NaN if it is none.
    pub fn number(&self, name: &str) -> f32 {
        format::number(&self.get(name)).map_or(f32::NAN, |value| value as f32)
    }

    /// Turns a knob, as one step of the browser's history; whether it can be that.
    pub fn turn(&self, name: &str, value: &str) -> bool {
        let Some(knob) = self.room.knobs.iter().find(|knob| knob.name == name) else {
            return false;
        };
        let can = knob.accepts(value);
        if can {
            self.store.choose(|url| turn(url, knob.name, knob.plain, value));
        }
        can
    }

    /// As [`Visit::turn`], for what is walked over: no step of the history.
    pub fn slide(&self, name: &str, value: &str) {
        let knob = self.room.knobs.iter().find(|knob| knob.name == name);
        if let Some(knob) = knob.filter(|knob| knob.accepts(value)) {
            self.store.adjust(|url| turn(url, knob.name, knob.plain, value));
        }
    }

    /// Applies a line of settings, `map=dpfp1 rule=delta step=3`, as one step of the history.
    pub fn set_all(&self, line: &str) {
        self.store.choose(|url| {
            for (name, value) in settings(line) {
                if name == "step" {
                    url.room.step = value.parse().unwrap_or_default();
                } else if let Some(knob) = self.room.knobs.iter().find(|knob| knob.name == name) {
                    turn(url, knob.name, knob.plain, value);
                }
            }
        });
    }

    /// Where the machine stands, within its steps.
    pub fn step(&self) -> Derived<usize> {
        let visit = *self;
        derive(move || {
            let last = visit.n_steps.get().saturating_sub(1);
            (visit.store.url.read().room.step as usize).min(last)
        })
    }

    /// Moves the machine. A step of its own is none of the browser's history: a walk would fill it.
    pub fn set_step(&self, step: usize) {
        self.store.adjust(|url| url.room.step = step as u32);
    }

    /// Steps on or back.
    pub fn step_by(&self, by: isize) {
        let last = self.n_steps.get_untracked().saturating_sub(1);
        let at = (self.store.url.read_untracked().room.step as usize).min(last);
        self.set_step(at.saturating_add_signed(by).min(last));
    }

    /// Shows a part alone; none shows all of them.
    pub fn present(&self, part: Option<u8>) {
        let last = self.n_parts.get_untracked().saturating_sub(1);
        let part = part.map(|part| part.min(last));
        let was = self.store.url.read_untracked().room.presented;
        let change = |url: &mut UrlState| url.room.presented = part;
        if was.is_some() && part.is_some() {
            self.store.adjust(change);
        } else {
            self.store.choose(change);
            // Whole or in parts, the room begins at its top.
            if let Some(root) = document().document_element() {
                root.set_scroll_top(0);
            }
        }
    }
}

/// `name=value` pairs of a line.
pub fn settings(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split_whitespace().filter_map(|pair| pair.split_once('='))
}

fn turn(url: &mut UrlState, name: &str, plain: &str, value: &str) {
    if value == plain {
        url.room.untouch(name);
    } else {
        url.room.turn(name, value);
    }
}

fn value(room: &Open, url: &UrlState, name: &str) -> String {
    let Some(knob) = room.knobs.iter().find(|knob| knob.name == name) else {
        return String::new();
    };
    let turned = url.room.get(name).filter(|value| knob.accepts(value));
    turned.unwrap_or(knob.plain).to_owned()
}

/// Holds the settings of a room's words (`data-set`) against its knobs; there are at least `n_least`.
#[cfg(test)]
pub fn check_settings(words: &str, room: &Open, n_least: usize) {
    let lines = words.split("data-set=").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let mut n_lines = 0;
    for line in lines {
        n_lines += 1;
        for (name, value) in settings(line) {
            let knob = room.knobs.iter().find(|knob| knob.name == name);
            let fits = name == "step" || knob.is_some_and(|knob| knob.accepts(value));
            assert!(fits, "{name}={value}");
        }
    }
    assert!(n_lines >= n_least, "{n_lines}");
}
