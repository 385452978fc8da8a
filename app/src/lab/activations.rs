//! Statistics of what the layers put out for the fixed input, look after look.

use crate::lab::over_steps::{Shown, over_steps};
use crate::lab::switch::switches;
use crate::lens::lab::activations::{Statistic, of_layers, over_looks};
use crate::lens::lab::over_steps::OverSteps;
use crate::parts::dom::{View, el, part};
use crate::parts::term::asked;
use crate::state::cell::derive;
use crate::state::lab::{Lab, use_lab};

/// The panel.
pub fn activations(lab: Lab) -> View {
    let statistic = lab.statistic;
    let heading = move || format!("Activations of each layer, {}", statistic.get().name());
    let empty = move || {
        lab.current.read().is_none().then_some(
            "Train: after each validation a column of what the layers put out is added here.",
        )
    };
    let tools = el!(div class="cells-tools")
        .child(switches("statistic", statistic, &Statistic::ALL))
        .child(part(move || vec![asked(statistic.get().name()).into()]))
        .child(el!(p class="hint lab-empty").text(empty));
    let shown = Shown {
        id: "lab-activations",
        testids: ["lab-activation-map", "activation-lines"],
        explain: &[
            "The same held-out input as in the attention maps, read after each validation. A number is a statistic of everything that a layer computes for it: all tokens and all units together.",
            "The map has what attention and MLP add to the stream (“source”: what the decoder’s attention to the source adds), the MLP’s hidden units, and the stream behind the layer; in Post-LN models that is before the layer’s last norm. The lines are the streams alone.",
            "A spread that grows from layer to layer and from look to look, or a largest magnitude far beyond the spread, announces trouble. Behind a ReLU a share of zeros near 1 says that most units never open.",
        ],
        title: derive(heading),
        view: derive(move || over_looks(&lab.probes.read(), statistic.get()).map()),
        spec: derive(move || of_layers(&lab.probes.read(), statistic.get()).chart(heading())),
    };
    over_steps(shown, numbers, tools)
}

fn numbers() -> OverSteps {
    let lab = use_lab();
    over_looks(&lab.probes.read_untracked(), lab.statistic.get_untracked())
}
