//! The runs of this visit: which curve is whose, and what tells them apart.

use std::sync::Arc;

use crate::lens::lab::series::{Run, run_names};
use crate::parts::dom::{El, View, el, part};
use crate::parts::plot::Role;
use crate::protocol::lab::RunNo;
use crate::state::cell::derive;
use crate::state::lab::Lab;

/// What a line says; it is made anew only when that changes, not with every step.
#[derive(Clone, PartialEq)]
struct Told {
    run: RunNo,
    name: String,
    color: u8,
    is_hidden: bool,
}

/// The list; a run a line.
pub fn runs(lab: Lab) -> El {
    let told = derive(move || {
        let runs = lab.runs.read();
        let names = run_names(&runs);
        let told = |(run, name): (&Arc<Run>, String)| {
            let (color, is_hidden) = (run.color(), run.is_hidden);
            Told { run: run.run, name, color, is_hidden }
        };
        runs.iter().zip(names).map(told).collect::<Vec<_>>()
    });
    let lines = part(move || {
        let told = told.read();
        let last = told.last().map_or(0, |last| last.run);
        told.iter().map(|one| line(lab, one, one.run == last)).collect()
    });
    el!(ol class="lab-runs" data-testid="runs" aria-label="Runs of this visit").child(lines)
}

fn line(lab: Lab, told: &Told, is_last: bool) -> View {
    let number = told.run;
    let button = |name: &str, testid: &str, act: Box<dyn Fn()>| {
        el!(button type="button" class="quiet-text")
            .set("data-testid", &format!("{testid}-{number}"))
            .set("aria-label", &format!("{name}, run {number}"))
            .when("click", act)
            .child(name)
    };
    let key = el!(span class="key")
        .child(el!(i).set("class", Role::Series(told.color).class()))
        .child(format!("Run {number}: {}", told.name));
    let hide = move || {
        lab.runs.update(|runs| {
            if let Some(run) = runs.iter_mut().find(|run| run.run == number) {
                let run = Arc::make_mut(run);
                run.is_hidden = !run.is_hidden;
            }
        });
    };
    let take = move || {
        let runs = lab.runs.read_untracked();
        if let Some(run) = runs.iter().find(|run| run.run == number) {
            lab.set_choice(run.choice.clone());
        }
    };
    let drop_run = move || lab.runs.update(|runs| runs.retain(|run| run.run != number));
    let shown = if told.is_hidden { "Show" } else { "Hide" };
    // The last is the one that the worker has.
    let drop_button = (!is_last).then(|| button("Remove", "drop", Box::new(drop_run)));
    el!(li)
        .set("data-testid", &format!("run-{number}"))
        .child(key)
        .child(button(shown, "hide", Box::new(hide)))
        .child(button("Use its settings", "use", Box::new(take)))
        .child(drop_button)
        .into()
}
