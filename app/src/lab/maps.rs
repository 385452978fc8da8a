//! Where the model looks: attention to one fixed input, after every look, with a scrubber.

use std::sync::Arc;

use web_sys::Event;

use crate::explorer::{labelled, own_cursor};
use crate::format;
use crate::lens::lab::maps::{Probe, hook_title, map, n_heads};
use crate::parts::dom::{El, View, effect, el, part, value_of};
use crate::parts::frame::{Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::slider::{Range, slider};
use crate::state::cell::{Derived, derive};
use crate::state::lab::Lab;

/// The panel.
pub fn maps(lab: Lab) -> View {
    let probe = derive(move || {
        let probes = lab.probes.read();
        let last = probes.len().checked_sub(1)?;
        probes.get(lab.scrubbed.get().unwrap_or(last).min(last)).cloned()
    });
    let hook = derive(move || {
        let (chosen, probe) = (lab.hook.get(), probe.get()?);
        let hooks = &probe.looked.hooks;
        // Of an encoder–decoder cross-attention says most.
        let first = hooks.iter().find(|hook| hook.contains("cross_attn")).or(hooks.first());
        hooks.iter().find(|hook| **hook == chosen).or(first).cloned()
    });
    let head = derive(move || {
        let (probe, hook) = (probe.get(), hook.get());
        let n = probe.zip(hook).map_or(0, |(probe, hook)| n_heads(&probe, &hook));
        lab.head.get().min(n.saturating_sub(1))
    });
    let view = derive(move || map(&*probe.get()?, &hook.get()?, head.get()));
    let title = derive(move || match (probe.get(), hook.get()) {
        (Some(probe), Some(hook)) => {
            let (of, head, step) = (hook_title(&hook), head.get(), probe.looked.step);
            format!("Attention to one held-out input, {of}, head {head}, after step {step}")
        }
        _ => "Attention to one held-out input".to_owned(),
    });
    let explain = &[
        "One input that is never trained on, read with its right answer. Each row is a token that looks, each column a token that is looked at; the numbers of a row sum to 1. A row is the place that writes the next token.",
        "The model is looked at after each validation. The slider goes back through those looks: at step 0 the weights are random.",
    ];
    let kit = Kit::of_matrix("lab-maps", explain, view, title);
    let (cursor, acts) = own_cursor();
    let testid = "probe-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: true, max_cell: 36.0 };
    let empty = move || {
        lab.current
            .read()
            .is_none()
            .then_some("Train: after each validation a map of where the model looks is added here.")
    };
    panel(kit, title, None)
        .child(tools(lab, probe, hook, head))
        .child(el!(p class="hint lab-empty").text(empty))
        .child(matrix(spec, &acts))
        .child(scrubber(lab))
        .done()
}

fn tools(
    lab: Lab,
    probe: Derived<Option<Arc<Probe>>>,
    hook: Derived<Option<String>>,
    head: Derived<usize>,
) -> El {
    let hooks = derive(move || probe.get().map(|p| p.looked.hooks.clone()).unwrap_or_default());
    let options = part(move || {
        let option = |name: &String| {
            let own = name.clone();
            el!(option)
                .set("value", name)
                .prop("selected", move || hook.get().as_deref() == Some(own.as_str()))
                .child(hook_title(name))
                .into()
        };
        hooks.read().iter().map(option).collect()
    });
    let n = derive(move || probe.get().zip(hook.get()).map_or(0, |(p, hook)| n_heads(&p, &hook)));
    let heads = part(move || {
        let option = |at: usize| {
            el!(option)
                .set("value", &at.to_string())
                .prop("selected", move || head.get() == at)
                .child(at.to_string())
                .into()
        };
        (0..n.get()).map(option).collect()
    });
    let hooks_select = el!(select data-testid="probe-hook")
        .on("change", move |event: Event| lab.hook.set(value_of(&event)))
        .child(options);
    let heads_select = el!(select data-testid="probe-head")
        .on("change", move |event: Event| lab.head.set(value_of(&event).parse().unwrap_or(0)))
        .child(heads);
    el!(div class="cells-tools")
        .class("unseen", move || probe.read().is_none())
        .child(labelled("attention", hooks_select))
        .child(labelled("head", heads_select))
}

/// Back and forth through the looks.
fn scrubber(lab: Lab) -> El {
    let n = derive(move || lab.probes.read().len());
    let at = derive(move || {
        let last = n.get().saturating_sub(1);
        lab.scrubbed.get().unwrap_or(last).min(last)
    });
    let step = move || lab.probes.read().get(at.get()).map_or(0, |probe| probe.looked.step);
    let range = Range {
        name: "Look back",
        testid: "scrub",
        range: ["0", "0", "1"],
        value: derive(move || at.get() as f64),
        shown: derive(move || format!("step {}", format::plain(step() as f32))),
    };
    let set = move |value: f64| {
        let place = value.max(0.0) as usize;
        // At its end it follows the run.
        let is_last = place + 1 >= n.get_untracked();
        lab.scrubbed.set((!is_last).then_some(place));
    };
    let made = slider(range, set, set);
    let input = made.element().query_selector("input").ok().flatten();
    effect(move || {
        let most = n.get().saturating_sub(1).to_string();
        if let Some(input) = &input {
            // An input takes any attribute.
            let _ = input.set_attribute("max", &most);
        }
    });
    made.class("unseen", move || n.get() < 2)
}
