//! What the parts of the room share: the run as each attention sees it, the chosen layer and head, and what must
//! hold in every run.

use std::rc::Rc;
use std::sync::Arc;

use vitrine_models::claims::attention::sinusoid::{rotation_error, table};
use vitrine_models::claims::attention::stages::Errors;

use super::attention;
use crate::lens::rooms::attention::{BLOCKS, OF, Seen, errors, later_share, row_error};
use crate::lens::tokens::labels;
use crate::parts::dom::El;
use crate::parts::matrix::{Acts, Cell, Cursor};
use crate::protocol::Attention;
use crate::rooms::Visit;
use crate::rooms::invariant::{Invariant, invariants};
use crate::state::cell::{Derived, Var, derive};

/// Positions of the table that is turned.
const N_POSITIONS: usize = 64;

/// The machine.
#[derive(Clone, Copy)]
pub struct Machine {
    /// The visit.
    pub visit: Visit,
    /// Which block of the figure is shown.
    pub step: Derived<usize>,
    /// The last run as each attention sees it, in the order of [`OF`].
    seen: [Derived<Option<Arc<Seen>>>; 3],
    /// The pair of tokens that is pointed at, in all stages.
    at: Var<Cursor>,
}

impl Machine {
    /// A machine whose steps are the blocks.
    pub fn new(visit: Visit) -> Self {
        visit.n_steps.set(BLOCKS.len());
        let store = visit.store;
        let seen = OF.map(|of| {
            derive(move || {
                let model = store.model.get()?;
                let run = store.traced.read();
                let [source, target] = [&run.keys, &run.tokens].map(|tokens| labels(tokens, 12));
                let seen = || Seen::of(&model, &run.trace, of, [&source, &target]);
                (!target.is_empty()).then(seen).map(Arc::new)
            })
        });
        Self { visit, step: visit.step(), seen, at: Var::new((None, None)) }
    }

    /// The attention that is taken apart.
    pub fn of(self) -> Attention {
        attention(&self.visit.get("of"))
    }

    /// The last run as an attention sees it; none before there is one.
    pub fn seen(self, of: Attention) -> Option<Arc<Seen>> {
        let at = OF.iter().position(|known| *known == of)?;
        self.seen[at].get()
    }

    /// Layer and head, within those of a stack.
    pub fn chosen(self, seen: &Seen) -> [usize; 2] {
        let url = self.visit.store.url.read();
        seen.within(url.layer, url.head)
    }

    /// What is pointed at, as one matrix has it, and what pointing there does to the pair of tokens.
    pub fn cursor(
        self,
        from: fn(Cursor) -> Cursor,
        to: fn(Cell) -> Cursor,
    ) -> Option<(Derived<Cursor>, Rc<Acts>)> {
        let set = move |cell: Cell| self.at.set(to(cell));
        let acts = Acts {
            hover: Box::new(move |cell: Option<Cell>| {
                self.at.set(cell.map_or((None, None), to));
            }),
            pin: Box::new(set),
            move_to: Box::new(set),
        };
        Some((derive(move || from(self.at.get())), Rc::new(acts)))
    }

    /// What must hold in every run.
    pub fn invariants(self) -> El {
        let rows = derive(move || {
            let of = |&of: &Attention| {
                let seen = self.seen(of)?;
                row_error(&seen, self.chosen(&seen)[0])
            };
            let all: Option<Vec<f64>> = OF.iter().map(of).collect();
            Some(all?.into_iter().fold(0.0, worse) as f32)
        });
        let later = derive(move || {
            let seen = self.seen(Attention::Decoder)?;
            Some(later_share(&seen, self.chosen(&seen)[0])? as f32)
        });
        let found = derive(move || {
            let seen = self.seen(self.of())?;
            let [layer, head] = self.chosen(&seen);
            errors(&seen, layer, head)
        });
        let stage = move |pick: fn(Errors) -> f64| derive(move || Some(pick(found.get()?) as f32));
        let turned = derive(move || {
            let d = self.visit.number("d") as usize;
            Some(rotation_error(&table(N_POSITIONS, d), d) as f32)
        });
        let line = |name, error, bound| Invariant { name, error, bound };
        invariants(vec![
            line("rows of all three patterns sum to 1", rows, 1e-5),
            line("the decoder gives later tokens 0", later, 0.0),
            line("Q Kᵀ/√d_k = the run’s scores", stage(|errors| errors.scores), 1e-5),
            line("softmax of the scores = the pattern", stage(|errors| errors.pattern), 1e-5),
            line("A V = what the head gives", stage(|errors| errors.values), 1e-5),
            line("PE(pos + k) = PE(pos), turned", turned, 1e-5),
        ])
    }
}

/// The larger; a NaN stays.
fn worse(worst: f64, one: f64) -> f64 {
    if one <= worst || worst.is_nan() { worst } else { one }
}
