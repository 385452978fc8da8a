//! An input of the visitor's own: whether the models can read it, and what they do with it at each look.

use std::sync::Arc;

use vitrine_models::claims::align::{Seen, Shot, Twin, Unfit, examples, readable};

use super::machine::{task, twin};
use crate::lens::rooms::align::own_words;
use crate::parts::dom::{El, effect, el};
use crate::protocol::room::{AlignAsk, AlignPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::state::cell::{Derived, Var, derive};
use crate::state::room::{self, Heard};
use crate::state::url::text_of_word;

/// The slot of what is asked for.
const SLOT: &str = "own";

/// A look at an input: after which step, and what is seen.
type Look = (u32, Arc<Seen>);

/// The input, and what is known of it.
#[derive(Clone, Copy)]
pub struct Own {
    visit: Visit,
    /// The input as the models read it; none if nothing is typed.
    pub text: Derived<Result<Option<String>, Unfit>>,
    looks: Var<[Vec<Look>; 2]>,
    /// What the worker was asked with last.
    asked: Var<Option<String>>,
    /// What went wrong.
    fault: Var<Option<String>>,
}

impl Own {
    /// The input that the address has; nothing is asked yet.
    pub fn new(visit: Visit) -> Self {
        let text = derive(move || {
            let typed = text_of_word(&visit.get("own")).unwrap_or_default();
            readable(task(visit), &typed)
        });
        let (looks, asked, fault) = (Var::default(), Var::default(), Var::default());
        Self { visit, text, looks, asked, fault }
    }

    /// From now on the worker is asked for an input whenever it changes.
    pub fn follow(self) {
        let is_here = derive(move || self.visit.is_here());
        effect(move || {
            let now = self.text.get().ok().flatten();
            if !is_here.get() || *self.asked.read_untracked() == now {
                return;
            }
            self.asked.set(now.clone());
            match now {
                Some(now) => self.ask(now),
                None => room::cancel(SLOT),
            }
        });
    }

    /// The input, if the models can read it; whoever asks hears of changes.
    pub fn typed(self) -> Option<String> {
        self.text.get().ok().flatten()
    }

    /// The input as it is now, for a training that is asked for; looks of another one are forgotten.
    pub fn anew(self) -> Option<String> {
        room::cancel(SLOT);
        self.looks.set(Default::default());
        self.fault.set(None);
        let now = self.text.get_untracked().ok().flatten();
        self.asked.set(now.clone());
        now
    }

    fn ask(self, text: String) {
        self.fault.set(None);
        let twin = twin(self.visit);
        let ask = RoomAsk::Align(AlignAsk::Own(twin, text));
        room::ask(SLOT, ask, move |heard| match heard {
            Heard::Part(RoomPart::Align(AlignPart::Own { twin, shot })) => self.add(twin, *shot),
            Heard::Fault(what, advice) => {
                self.fault.set(Some(format!("{}. {advice}", what.trim_end_matches('.'))));
            }
            Heard::Part(_) | Heard::Done => {}
        });
    }

    /// A look at the input alone.
    fn add(self, twin: Twin, shot: Shot) {
        let new = shot.seen.into_iter().map(|seen| (shot.step, Arc::new(seen)));
        self.looks.update(|looks| {
            let looks = &mut looks[twin as usize];
            for (step, seen) in new {
                looks.retain(|(known, _)| *known != step);
                looks.push((step, seen));
            }
        });
    }

    /// A look at a training, with the input behind the examples.
    pub fn take(self, twin: Twin, shot: &mut Shot) {
        let n_examples = examples(task(self.visit)).len().min(shot.seen.len());
        let seen = shot.seen.split_off(n_examples);
        self.add(twin, Shot { step: shot.step, seen });
    }

    /// What a model does with the input after a step; whoever asks hears of changes.
    pub fn seen(self, twin: Twin, step: u32, text: &str) -> Option<Seen> {
        let looks = self.looks.read();
        let is_it = |(known, seen): &&Look| *known == step && seen.input == text;
        looks[twin as usize].iter().find(is_it).map(|(_, seen)| (**seen).clone())
    }

    /// What is to be said of the input.
    pub fn line(self) -> El {
        let words =
            move || self.fault.get().or_else(|| own_words(task(self.visit), &self.text.get()));
        el!(p class="hint" role="status" data-testid="align-own")
            .class("refused", move || self.text.read().is_err())
            .text(words)
    }
}
