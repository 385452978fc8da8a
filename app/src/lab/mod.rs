//! The Lab: a small model is trained in this tab, and every gradient can be seen.
//!
//! Tests find things by `data-testid`: `lab`, `preset-NAME`, `knob-NAME`, `examples`, `corpus-toy`,
//! `corpus-pasted`, `corpus`, `train`, `pause`, `resume`, `step-once`, `lab-stop`, `rate`, `rate-half`,
//! `rate-double`, `rewind-step`, `rewind`, `save-run`, `open-run`, `open-explorer`, `lab-figures`, `lab-fault`,
//! `diverged`, `go-on-slower`, `runs`, `run-N`, `hide-N`, `use-N`, `drop-N`, `lab-loss` (panel), `curve-{loss,norm,rate}`,
//! `lab-right` (panel), `lab-norms` (panel), `lab-norm-map`, `quantity-{gradient,weight,ratio}`,
//! `lab-activations` (panel), `lab-activation-map`, `statistic-{spread,mean,largest,zeros}`,
//! `lab-samples` (panel), `lab-heat` (panel), `heat-matrix`, `lab-maps` (panel), `probe-matrix`, `scrub`.
//! The root's `data-lab` is what the run does: `none`, `starting`, `running`, `paused`, `done`, `diverged`.

mod activations;
mod bar;
mod curves;
mod heat;
mod keys;
mod knob;
mod maps;
mod norms;
mod over_steps;
mod runs;
mod samples;
mod setup;
mod switch;

use crate::parts::dom::{View, document, effect, el};
use crate::protocol::lab::Phase;
use crate::state::cell::derive;
use crate::state::lab::{Lab, use_lab};

/// What makes a panel.
type Panel = fn(Lab) -> View;

/// The panels, in the order of the screen: those of how well it learns, those of what goes on inside.
const PANELS: [&[Panel]; 2] = [
    &[curves::loss, curves::right, norms::norms, activations::activations],
    &[samples::samples, maps::maps, heat::heat],
];

/// The whole place.
pub fn lab() -> View {
    let lab = use_lab();
    keys::listen(lab);
    watch(lab);
    let column = |panels: &[Panel]| {
        let panels: Vec<View> = panels.iter().map(|panel| panel(lab)).collect();
        el!(div class="lab-column").child(panels).into()
    };
    let columns: Vec<View> = PANELS.iter().map(|panels| column(panels)).collect();
    let run = el!(div class="lab-run").child(bar::bar(lab)).child(runs::runs(lab)).child(columns);
    el!(main id="lab" class="lab" tabindex="-1" data-testid="lab")
        .child(setup::setup(lab))
        .child(run)
        .into()
}

/// Keeps the word for what the run does on the root element.
fn watch(lab: Lab) {
    let word = derive(move || match lab.phase.get() {
        None => "none",
        Some(Phase::Starting) => "starting",
        Some(Phase::Running) => "running",
        Some(Phase::Paused) => "paused",
        Some(Phase::Done) => "done",
        Some(Phase::Diverged { .. }) => "diverged",
    });
    effect(move || {
        if let Some(root) = document().document_element() {
            // The root takes any attribute.
            let _ = root.set_attribute("data-lab", word.get());
        }
    });
}
