//! The machine: three models with the same first weights, layer by layer.

use vitrine_models::claims::norms::Place;

use crate::format;
use crate::lens::rooms::norms::{
    Begun, Quantity, by_layer, dual_error, name, post_error, pre_error,
};
use crate::parts::dom::{El, effect, el, part};
use crate::parts::matrix::{Acts, Cursor};
use crate::protocol::room::{NormsAsk, NormsPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::invariant::{Invariant, invariants};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, Var, derive};
use crate::state::room::{self, Heard};

/// What the parts of the machine share.
#[derive(Clone, Copy)]
pub struct Machine {
    visit: Visit,
    step: Derived<usize>,
    /// What came of the models that the knobs say now.
    begun: Var<Begun>,
    fault: Var<Option<String>>,
}

impl Machine {
    /// A machine that measures whenever knobs change.
    pub fn new(visit: Visit) -> Self {
        let machine =
            Self { visit, step: visit.step(), begun: Var::default(), fault: Var::default() };
        let n_layers = move || visit.number("layers") as u32;
        effect(move || visit.n_steps.set(n_layers() as usize));
        let wanted =
            derive(move || visit.is_here().then(|| (n_layers(), visit.number("seed") as u32)));
        effect(move || {
            if let Some((n_layers, seed)) = wanted.get() {
                machine.ask(n_layers, seed);
            }
        });
        machine
    }

    fn ask(self, n_layers: u32, seed: u32) {
        self.begun.set(Begun::default());
        let ask = RoomAsk::Norms(NormsAsk::Start { n_layers, seed });
        room::ask("start", ask, move |heard| match heard {
            Heard::Part(RoomPart::Norms(NormsPart::Streams { streams, .. })) => {
                self.begun.update(|begun| begun.streams.push(streams));
                self.fault.set(None);
            }
            Heard::Part(RoomPart::Norms(NormsPart::Gradients { gradients, .. })) => {
                self.begun.update(|begun| begun.gradients.push(gradients));
            }
            Heard::Fault(what, advice) => self.fault.set(Some(format!("{what}. {advice}"))),
            Heard::Part(_) | Heard::Done => {}
        });
    }

    fn plate(
        self,
        quantity: Quantity,
        symbol: &'static str,
        testid: &'static str,
        title: &'static str,
    ) -> El {
        let view = derive(move || by_layer(&self.begun.read(), quantity));
        let title = derive(move || title.to_owned());
        let cursor = derive(move || -> Cursor { (None, Some(self.step.get())) });
        let acts = std::rc::Rc::new(Acts {
            hover: Box::new(|_| {}),
            pin: Box::new(move |(_, layer)| self.visit.set_step(layer)),
            move_to: Box::new(move |(_, layer)| self.visit.set_step(layer)),
        });
        plate(Plate { symbol, title, view, testid, max_cell: 36.0, cursor: Some((cursor, acts)) })
    }

    /// Three quantities, and the numbers of the layer where it stands.
    pub fn view(self) -> El {
        let fault = part(move || match self.fault.get() {
            Some(what) => vec![el!(p class="fault").child(what).into()],
            None => Vec::new(),
        });
        let row = |plate: El| el!(div class="fast-row norms-row").child(plate);
        el!(div class="fast-machine")
            .class("stale", move || by_layer(&self.begun.read(), Quantity::Gradient).is_none())
            .child(el!(div role="alert").child(fault))
            .child(row(self.plate(
                Quantity::Size,
                "x",
                "norms-size",
                "‖x‖²/d: how large the stream is",
            )))
            .child(row(self.plate(
                Quantity::Gradient,
                "g",
                "norms-gradient",
                "g: the gradient of the layer’s last matrix",
            )))
            .child(row(self.plate(
                Quantity::Cosine,
                "cos",
                "norms-cosine",
                "cos: how alike the layer’s output is to the one before",
            )))
            .child(el!(p class="hint" data-testid="norms-layer").text(move || self.layer_line()))
    }

    /// The numbers of one layer.
    fn layer_line(self) -> Option<String> {
        let at = self.step.get();
        let begun = self.begun.read();
        let mut said = format!("Layer {}.", at + 1);
        for (idx, place) in Place::ALL.iter().enumerate() {
            let size = begun.streams.get(idx)?.sizes.get(at)?;
            let gradient = begun.gradients.get(idx)?.get(at)?;
            said.push_str(&format!(
                " {}: ‖x‖²/d {}, gradient {}.",
                name(*place),
                format::three(*size as f32),
                format::three(*gradient as f32)
            ));
        }
        Some(said)
    }

    /// What must hold before the first step.
    pub fn invariants(self) -> El {
        let of = move |pick: fn(&Begun) -> Option<f32>| derive(move || pick(&self.begun.read()));
        let line = |name, error, bound| Invariant { name, error, bound };
        invariants(vec![
            line("Post-LN: ‖x‖²/d is 3/2 in the mean", of(post_error), 0.15),
            line("Pre-LN: ‖x‖²/d between 1 + l/2 and 1 + 3l/2", of(pre_error), 0.1),
            line("ResiDual’s normed stream = Post-LN’s", of(dual_error), 1e-5),
        ])
    }
}
