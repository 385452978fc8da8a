//! Loss and exactness over the steps, of all runs.

use crate::lab::switch::switches;
use crate::lens::lab::series::{Curve, chart as spec_of, table};
use crate::parts::chart::chart;
use crate::parts::dom::{El, View, el, show};
use crate::parts::frame::{Kit, fixed, panel};
use crate::parts::plot::ChartSpec;
use crate::parts::svg;
use crate::parts::term::term;
use crate::state::cell::{Derived, derive};
use crate::state::lab::Lab;
use crate::state::use_store;

/// The loss.
pub fn loss(lab: Lab) -> View {
    let explain = &[
        "Each step’s loss is −ln of the probability that the model gave the right token, averaged over the batch, before the step changed the weights. ln of the vocabulary’s size is a blind guess.",
        "The broad pale line is the loss on examples that are held out: where it rises while the thin one falls, the model remembers rather than learns.",
        "Long runs are drawn as means of neighbouring steps. The table has every step, with the norm of all gradients and the learning rate.",
    ];
    let log = el!(label class="check")
        .child(
            el!(input type="checkbox" data-testid="lab-log")
                .prop("checked", move || lab.is_log.get())
                .when("change", move || lab.is_log.update(|is_log| *is_log = !*is_log)),
        )
        .child(el!(span).child("log"));
    let tools = el!(div class="curve-tools")
        .child(switches("curve", lab.curve, &Curve::OF_STEPS))
        .child(log);
    let spec = derive(move || spec_of(&lab.runs.read(), lab.curve.get(), lab.is_log.get()));
    let title = derive(move || lab.curve.get().title().to_owned());
    let empty = "Train: the curve grows here, later runs over earlier ones. The broad pale line is of what is ";
    curve(lab, ("lab-loss", title, Curve::Loss), spec, (explain, empty), Some(tools))
}

/// The share that is right.
pub fn right(lab: Lab) -> View {
    let explain = &[
        "Thin: the share of held-out tokens that the model put first, each given the right ones before it. Broad and pale: the share of examples that are right to the last token, which is what writing without a look at the answer gets right too.",
        "Held-out examples follow from the input alone: one input in eight is never trained on.",
    ];
    let spec = derive(move || spec_of(&lab.runs.read(), Curve::Right, false));
    let empty = "Train: how much of the answers is right grows here, always of what is ";
    let named = ("lab-right", fixed(Curve::Right.title()), Curve::Right);
    curve(lab, named, spec, (explain, empty), None)
}

fn curve(
    lab: Lab,
    (id, title, of): (&'static str, Derived<String>, Curve),
    spec: Derived<Option<ChartSpec>>,
    (explain, empty): (&'static [&'static str], &'static str),
    tools: Option<El>,
) -> View {
    let store = use_store();
    let numbers = move || table(&lab.runs.read_untracked(), of);
    let picture = move || {
        let dark = store.dark.get_untracked();
        (*spec.read_untracked()).as_ref().map(|spec| svg::chart(spec, dark))
    };
    let kit = Kit {
        id,
        explain,
        table: Some(Box::new(numbers)),
        picture: Some(Box::new(picture)),
        hooks: None,
    };
    let testid = if of == Curve::Loss { "loss-curve" } else { "right-curve" };
    let empty = move || {
        el!(p class="hint lab-empty").child(empty).child(term("held out")).child(".").into()
    };
    panel(kit, title, tools)
        .child(chart(spec, testid))
        .child(show(move || lab.runs.read().is_empty(), empty))
        .done()
}
