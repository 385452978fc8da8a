//! One question of a room: the visitor's number against what this page then measures.

use web_sys::Event;

use crate::format;
use crate::parts::dom::{El, el, part, value_of};
use crate::rooms::claim::{Measurement, Phase};
use crate::state::cell::{Derived, Var};

/// A question whose answer is a number.
pub struct Question {
    /// What is asked for, as the label of the field.
    pub label: &'static str,
    /// What is counted: "pairs".
    pub unit: &'static str,
    /// What measures it.
    pub of: Measurement,
    /// What was measured; none before.
    pub measured: Derived<Option<f32>>,
    /// How far from it an answer may be, as a share of it.
    pub tolerance: f32,
}

/// The question. `measure` starts the measurement if there is none yet.
pub fn question(question: Question, measure: impl Fn() + 'static) -> El {
    let Question { label, unit, of, measured, tolerance } = question;
    let typed: Var<String> = Var::default();
    let asked: Var<Option<f32>> = Var::default();
    let check = move || {
        let number = format::number(typed.read_untracked().trim()).map(|value| value as f32);
        asked.set(number);
        if number.is_some() && measured.get_untracked().is_none() {
            measure();
        }
    };
    let verdict = part(move || {
        let Some(said) = asked.get() else {
            return vec![el!(span class="hint").child("Type a number, then check it.").into()];
        };
        let Some(found) = measured.get() else {
            return match of.phase.get() {
                Phase::Failed(what, advice) => {
                    vec![el!(span).child(format!("{what}. {advice}")).into()]
                }
                _ => vec![
                    el!(span class="hint").child("Measuring, to compare with your answer.").into(),
                ],
            };
        };
        let off = (said - found).abs() / found.abs().max(f32::MIN_POSITIVE);
        let is_right = off <= tolerance;
        let word = if is_right { "Right" } else { "Not yet" };
        let (said, found) = (written(said), written(found));
        let near = if is_right && said != found { ", which is near enough" } else { "" };
        let words = format!(": your run here says {found} {unit}, you said {said}{near}.");
        vec![
            el!(strong).set("class", if is_right { "right" } else { "wrong" }).child(word).into(),
            el!(span).child(words).into(),
        ]
    });
    let input = el!(input type="text" inputmode="decimal" autocomplete="off" class="num"
        data-testid="question-answer")
    .on("input", move |event: Event| typed.set(value_of(&event)))
    .on("change", move |event: Event| typed.set(value_of(&event)));
    el!(form class="question")
        .on("submit", move |event: Event| {
            event.prevent_default();
            check();
        })
        .child(el!(label).child(el!(span).child(label)).child(input))
        .child(el!(button type="submit" class="act" data-testid="question-check").child("Check"))
        .child(el!(p role="status" data-testid="question-verdict").child(verdict))
}

/// Whole numbers as they are counted, others with three digits.
fn written(value: f32) -> String {
    if value.fract() == 0.0 && value.abs() < 1e5 {
        format::plain(value)
    } else {
        format::three(value)
    }
}
