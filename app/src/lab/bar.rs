//! What drives the run: begin, pause, one step, stop; its learning rate; the way back; figures.

use web_sys::Event;

use crate::format;
use crate::lens::lab::series::summary;
use crate::parts::dom::{El, View, el, input_of, part, show, value_of};
use crate::parts::icon;
use crate::parts::term::term;
use crate::protocol::lab::{Phase, ToLab};
use crate::state::cell::{Var, derive};
use crate::state::lab::Lab;

/// The line above the panels.
pub fn bar(lab: Lab) -> View {
    let drive = el!(div class="lab-drive").child(train(lab)).child(buttons(lab)).child(open(lab));
    let steer = el!(div class="lab-steer")
        .child(rate(lab))
        .child(show(move || lab.has_run(), move || way_back(lab).into()))
        .child(show(move || lab.has_run(), move || out(lab).into()));
    el!(section class="lab-bar" aria-label="The run")
        .child(drive)
        .child(figures(lab))
        .child(show(move || lab.has_run(), move || steer.clone().into()))
        .child(fault(lab))
        .child(diverged(lab))
        .into()
}

fn act(name: &str, testid: &str, on_click: impl Fn() + 'static) -> El {
    el!(button type="button" class="act")
        .set("data-testid", testid)
        .when("click", on_click)
        .child(name)
}

fn train(lab: Lab) -> El {
    el!(button type="button" class="act" data-testid="train")
        .flag("disabled", move || lab.phase.get() == Some(Phase::Starting))
        .when("click", move || lab.train())
        .child(icon::play())
        .text(move || if lab.runs.read().is_empty() { "Train" } else { "Train anew" })
}

/// A run that was saved goes on.
fn open(lab: Lab) -> El {
    let on_change = move |event: Event| {
        let Some(input) = input_of(&event) else { return };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            lab.open(&file);
        }
        // So that the same file can be chosen again.
        input.set_value("");
    };
    let input =
        el!(input type="file" data-testid="open-run" accept=".safetensors").on("change", on_change);
    el!(label class="file")
        .set("title", "A file that “Save the run” has made: the run goes on from there")
        .child(el!(span).child("Open a saved run"))
        .child(input)
}

fn buttons(lab: Lab) -> View {
    let phase = derive(move || lab.phase.get());
    let is_running = move || phase.get() == Some(Phase::Running);
    let is_paused = move || matches!(phase.get(), Some(Phase::Paused | Phase::Diverged { .. }));
    part(move || {
        let mut made: Vec<View> = Vec::new();
        let mut add = |is_there: bool, button: El| {
            if is_there {
                made.push(button.into());
            }
        };
        add(is_running(), act("Pause", "pause", move || lab.post(&ToLab::Pause)));
        add(is_paused(), act("Resume", "resume", move || lab.post(&ToLab::Resume)));
        add(is_paused(), act("One step", "step-once", move || lab.post(&ToLab::StepOnce)));
        let stop = act("Stop", "lab-stop", move || lab.stop());
        add(phase.get().is_some(), stop.set("title", "Ends the run and frees its memory"));
        made
    })
}

/// Step, speed, losses.
fn figures(lab: Lab) -> El {
    let facts = part(move || {
        let Some(run) = lab.current.get() else { return Vec::new() };
        let figure = |(name, value): (&'static str, String)| {
            let value = el!(dd class="num").child(value);
            el!(div class="figure").child(el!(dt).child(name)).child(value).into()
        };
        summary(&run).into_iter().map(figure).collect()
    });
    let state = move || match lab.phase.get() {
        None if lab.runs.read().is_empty() => {
            Some("Nothing has been trained yet. Choose what to train, then press Train.".to_owned())
        }
        None => Some("Stopped.".to_owned()),
        Some(Phase::Starting) => Some("Making the model.".to_owned()),
        Some(Phase::Paused) => Some("Paused.".to_owned()),
        Some(Phase::Done) => Some("Done.".to_owned()),
        Some(Phase::Running | Phase::Diverged { .. }) => None,
    };
    let size = move || {
        let run = lab.current.get()?;
        let facts = &run.facts;
        let (n_params, n_tokens) = (format::count(facts.n_params), facts.n_tokens);
        (facts.n_params > 0).then(|| {
            let d_vocab = facts.d_vocab;
            format!("{n_params} parameters, {d_vocab} tokens in the vocabulary, {n_tokens} tokens a step, computed by {} operations", facts.n_ops)
        })
    };
    el!(div class="lab-figures" data-testid="lab-figures")
        .child(el!(p class="lab-state").text(state))
        .child(el!(dl).child(facts))
        .child(el!(p class="hint").text(size))
}

/// The learning rate in flight.
fn rate(lab: Lab) -> El {
    let set = move |rate: f32| {
        if rate.is_finite() && rate > 0.0 {
            lab.set_rate(rate);
        }
    };
    let input = el!(input type="text" inputmode="decimal" autocomplete="off" class="num"
        data-testid="rate" aria-label="Learning rate of this run, at the schedule’s peak")
    .value(move || format::plain(lab.rate.get()))
    .on("change", move |event: Event| {
        let typed = format::number(value_of(&event).trim()).map_or(f32::NAN, |rate| rate as f32);
        set(typed);
    });
    let times = move |name: &str, testid: &str, factor: f32| {
        el!(button type="button" class="quiet-text")
            .set("data-testid", testid)
            .when("click", move || set(lab.rate.get_untracked() * factor))
            .child(name)
    };
    el!(div class="lab-rate")
        .child(term("learning rate"))
        .child(input)
        .child(times("Halve", "rate-half", 0.5))
        .child(times("Double", "rate-double", 2.0))
}

/// Back to a state that was kept.
fn way_back(lab: Lab) -> El {
    let chosen: Var<Option<u32>> = Var::default();
    let target = move || {
        let kept = lab.kept.read();
        chosen.get().filter(|step| kept.contains(step)).or(kept.last().copied())
    };
    let options = part(move || {
        let now = target();
        let option = |&step: &u32| {
            el!(option)
                .set("value", &step.to_string())
                .prop("selected", move || now == Some(step))
                .child(step.to_string())
                .into()
        };
        lab.kept.read().iter().map(option).collect()
    });
    let select = el!(select data-testid="rewind-step" aria-label="Step to go back to")
        .on("change", move |event: Event| chosen.set(value_of(&event).parse().ok()))
        .child(options);
    let go = move || {
        if let Some(step) = target() {
            lab.post(&ToLab::Rewind { step, rate: lab.rate.get_untracked() });
        }
    };
    el!(div class="lab-back")
        .child(el!(label class="select").child(el!(span).child("Back to step")).child(select))
        .child(act("Go back", "rewind", go))
}

/// What leaves the Lab.
fn out(lab: Lab) -> El {
    el!(div class="lab-out")
        .child(act("Save the run", "save-run", move || lab.post(&ToLab::Save)).set(
            "title",
            "Parameters, the optimiser’s memory and all knobs, as one safetensors file",
        ))
        .child(act("Open in the Explorer", "open-explorer", move || lab.post(&ToLab::Hand)))
}

fn fault(lab: Lab) -> El {
    let words = part(move || {
        let Some(fault) = lab.fault.get() else { return Vec::new() };
        let what = format!("{}.", fault.what.trim_end_matches('.'));
        let words = el!(p)
            .child(el!(bdi).child(what))
            .child(" ")
            .child(el!(span class="fault-advice").child(fault.advice));
        let dismiss = el!(button type="button" class="quiet" aria-label="Dismiss")
            .when("click", move || lab.fault.set(None))
            .child(icon::close());
        vec![el!(div class="fault" data-testid="lab-fault").child(words).child(dismiss).into()]
    });
    el!(div role="alert").child(words)
}

/// The loss is no number: what happened, and the way on.
fn diverged(lab: Lab) -> El {
    let words = part(move || {
        let Some(Phase::Diverged { step, loss, back_to }) = lab.phase.get() else {
            return Vec::new();
        };
        let rate = lab.rate.get();
        let what = format!(
            "The loss of step {step} is {}. The weights are those of step {back_to} again. A \
             learning rate of {} is too much here.",
            format::three(loss),
            format::exact(rate),
        );
        let half = format!("Go on from step {back_to} at {}", format::exact(rate / 2.0));
        let on = act(&half, "go-on-slower", move || lab.go_on_slower());
        let shown = el!(div class="fault" data-testid="diverged").child(el!(p).child(what));
        vec![shown.child(on).into()]
    });
    el!(div role="alert").child(words)
}
