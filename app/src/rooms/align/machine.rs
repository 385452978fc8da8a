//! The machine: two models in training, and the alignment of one example after each of some steps.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use vitrine_models::claims::align::{Course, Seen, Shot, Task, Twin, answer};

use super::own::Own;
use crate::lens::rooms::align::{alignment, error, found_line, loss_chart, name};
use crate::parts::chart::chart;
use crate::parts::dom::{El, effect, el, part};
use crate::parts::matrix::{Acts, Cursor};
use crate::protocol::room::{AlignAsk, AlignPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Phase};
use crate::rooms::invariant::{Invariant, invariants};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, Var, derive};
use crate::state::room::{self, Heard};

/// The slot of what is asked for.
const SLOT: &str = "train";
/// Steps whose losses are drawn at once.
const N_AT_ONCE: usize = 8;

/// What came of the two models so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct Runs {
    losses: [Vec<f32>; 2],
    shots: [Vec<Arc<Shot>>; 2],
}

/// What the parts of the machine share.
#[derive(Clone, Copy)]
pub struct Machine {
    /// The visit.
    pub visit: Visit,
    runs: Var<Runs>,
    of: Measurement,
    own: Own,
    /// The example, or what was typed, as the shown model does it where the machine stands.
    pub seen: Derived<Option<Seen>>,
    shot: Derived<Option<Arc<Shot>>>,
}

impl Machine {
    /// A machine that looks at the untrained models; a button trains them.
    pub fn new(visit: Visit) -> Self {
        let runs: Var<Runs> = Var::default();
        let step = visit.step();
        let shot = derive(move || {
            let own = &runs.read().shots[twin(visit) as usize];
            own.get(step.get()).cloned()
        });
        let own = Own::new(visit);
        let seen = derive(move || {
            if let Ok(Some(text)) = own.text.get() {
                return own.seen(twin(visit), shot.get()?.step, &text);
            }
            let example = (visit.number("example") as usize).saturating_sub(1);
            shot.get()?.seen.get(example).cloned()
        });
        let machine = Self { visit, runs, of: Measurement::new(SLOT), own, seen, shot };
        effect(move || visit.n_steps.set(runs.read().shots[twin(visit) as usize].len()));
        let setting = derive(move || (task(visit), visit.number("seed") as u32));
        let known: RefCell<Option<(Task, u32)>> = RefCell::default();
        let is_here = derive(move || visit.is_here());
        effect(move || {
            let setting = setting.get();
            // What was trained stays when another place is shown meanwhile.
            if is_here.get() && known.replace(Some(setting)) != Some(setting) {
                machine.look();
            }
        });
        own.follow();
        machine
    }

    fn courses(self, n_steps: u32) -> RoomAsk {
        let (task, seed) = (task(self.visit), self.visit.number("seed") as u32);
        let n_looks = Course::N_LOOKS;
        let course = |twin| Course { task, twin, seed, n_steps, n_looks };
        RoomAsk::Align(AlignAsk::Train(Twin::ALL.map(course).to_vec(), self.own.anew()))
    }

    /// Looks at both before their first step.
    fn look(self) {
        self.runs.set(Runs::default());
        self.of.phase.set(Phase::Idle);
        let phase = self.of.phase;
        let hear = self.hears();
        room::ask(SLOT, self.courses(0), move |heard| match heard {
            Heard::Part(part) => hear(part),
            Heard::Fault(what, advice) => phase.set(Phase::Failed(what, advice)),
            Heard::Done => {}
        });
    }

    fn start(self) {
        self.runs.set(Runs::default());
        self.of.start(self.courses(Course::N_STEPS), self.hears());
    }

    /// Hears the parts of a run. Losses come one by one and are drawn some at a time.
    fn hears(self) -> impl Fn(RoomPart) + 'static {
        let waiting: Rc<RefCell<Vec<f32>>> = Rc::default();
        move |part| {
            let RoomPart::Align(part) = part else { return };
            let mut waiting = waiting.borrow_mut();
            match part {
                AlignPart::Loss { twin, loss } => {
                    waiting.push(loss);
                    if waiting.len() >= N_AT_ONCE {
                        let now = std::mem::take(&mut *waiting);
                        self.runs.update(|runs| runs.losses[twin as usize].extend(now));
                    }
                }
                AlignPart::Shot { twin, mut shot } => {
                    self.own.take(twin, &mut shot);
                    let now = std::mem::take(&mut *waiting);
                    drop(waiting);
                    self.add(twin, Arc::from(shot), now);
                }
                AlignPart::Own { .. } | AlignPart::Length { .. } => {}
            }
        }
    }

    /// A look has come. A machine that stands at the newest one goes on to it.
    fn add(self, twin: Twin, shot: Arc<Shot>, losses: Vec<f32>) {
        self.runs.update(|runs| {
            runs.losses[twin as usize].extend(losses);
            runs.shots[twin as usize].push(shot);
        });
        let n = self.runs.read_untracked().shots[twin as usize].len();
        let at = self.visit.store.url.read_untracked().room.step as usize;
        if twin == untracked_twin(self.visit) && n > 1 && at + 2 == n {
            self.visit.set_step(n - 1);
        }
    }

    /// The button, and how far the training is.
    pub fn train(self) -> El {
        let phase = self.of.phase;
        let press = move || {
            if phase.get_untracked() == Phase::Running {
                self.of.stop();
            } else {
                self.visit.set_step(0);
                self.start();
            }
        };
        let button = el!(button type="button" class="act" data-testid="align-train")
            .when("click", press)
            .text(move || match phase.get() {
                Phase::Idle | Phase::Failed(..) => "Train both",
                Phase::Running => "Stop",
                Phase::Done => "Train both again",
            });
        let status = move || match phase.get() {
            Phase::Failed(what, advice) => format!("{}. {advice}", what.trim_end_matches('.')),
            Phase::Done => format!("Both are trained, {} steps each.", Course::N_STEPS),
            phase => {
                let done = self.runs.read().losses.each_ref().map(Vec::len);
                let at = usize::from(done[1] > 0 || done[0] >= Course::N_STEPS as usize);
                match phase {
                    Phase::Running => format!(
                        "The one with {}: step {} of {}.",
                        name(Twin::ALL[at]),
                        done[at],
                        Course::N_STEPS
                    ),
                    _ if done == [0, 0] => "Not trained yet: all weights are random.".to_owned(),
                    _ => format!("Stopped after {} and {} steps.", done[0], done[1]),
                }
            }
        };
        el!(p class="claim-tools")
            .child(button)
            .child(el!(span class="hint" data-testid="align-status").text(status))
    }

    /// What is to be said of an input that was typed.
    pub fn own_line(self) -> El {
        self.own.line()
    }

    /// The alignment where the machine stands, and the losses.
    pub fn view(self) -> El {
        let view = derive(move || alignment(self.seen.read().as_ref().as_ref()?));
        let title = derive(move || {
            "α: where each written character comes from (rows: the output, columns: the source)"
                .to_owned()
        });
        let matrix = plate(Plate {
            symbol: "alpha",
            title,
            view,
            testid: "align-alignment",
            max_cell: 32.0,
            cursor: Some(self.row_cursor()),
        });
        let found = move || {
            let seen = self.seen.read();
            // Of an input that was typed nobody says which part is right.
            let example = (*seen).as_ref().filter(|_| self.own.typed().is_none())?;
            found_line(task(self.visit), example)
        };
        let losses = derive(move || {
            let at = (*self.shot.read()).as_ref().map(|shot| shot.step);
            loss_chart(&self.runs.read().losses, at)
        });
        el!(div class="fast-machine")
            .class("stale", move || self.seen.read().is_none())
            .child(el!(p data-testid="align-line").child(part(move || self.line())))
            .child(el!(div class="fast-row align-matrix").child(matrix))
            .child(el!(p class="hint" data-testid="align-found").text(found))
            .child(el!(div class="claim align-loss").child(chart(losses, "align-loss")))
    }

    /// What the model writes by itself, and whether that is right.
    fn line(self) -> Vec<crate::parts::dom::View> {
        let seen = self.seen.read();
        let (Some(shot), Some(seen)) = (self.shot.get(), (*seen).as_ref()) else {
            let waits = match (self.own.typed(), self.of.phase.get()) {
                (Some(_), Phase::Running) => "Your input is looked at when the training has ended.",
                _ => "The models are on their way.",
            };
            return vec![el!(span class="hint").child(waits).into()];
        };
        let right = match self.own.typed() {
            Some(_) => answer(task(self.visit), &seen.input),
            None => Some(seen.output.clone()),
        };
        let verdict = right.map(|right| match seen.written == right {
            true => ("right", ", right."),
            false => ("wrong", ", wrong."),
        });
        let after = match shot.step {
            0 => "Before the first step".to_owned(),
            1 => "After one step".to_owned(),
            n => format!("After {n} steps"),
        };
        vec![
            el!(span)
                .child(format!("{after}: for “{}” it writes ", seen.input))
                .child(el!(span class="token-text").child(format!("“{}”", seen.written)))
                .into(),
            match verdict {
                Some((class, words)) => el!(strong).set("class", class).child(words).into(),
                None => el!(span).child(".").into(),
            },
        ]
    }

    /// Where the alignment is pointed at: a cell under the pointer, else the chosen row.
    fn row_cursor(self) -> (Derived<Cursor>, Rc<Acts>) {
        let at: Var<Cursor> = Var::new((None, None));
        let cursor = derive(move || match at.get() {
            (None, None) => (Some(self.row()), None),
            cell => cell,
        });
        let set = move |cell: Option<(usize, usize)>| {
            at.set(cell.map_or((None, None), |(row, col)| (Some(row), Some(col))));
        };
        let acts = Rc::new(Acts {
            hover: Box::new(set),
            pin: Box::new(move |(row, _)| {
                self.visit.turn("row", &(row + 1).to_string());
            }),
            move_to: Box::new(move |(row, col)| {
                set(Some((row, col)));
                self.visit.slide("row", &(row + 1).to_string());
            }),
        });
        (cursor, acts)
    }

    /// The row that is taken apart; whoever reads it hears of changes.
    pub fn row(self) -> usize {
        let n_rows = (*self.seen.read()).as_ref().map_or(1, Seen::n_target);
        (self.visit.number("row") as usize).clamp(1, n_rows) - 1
    }

    /// What must hold, after every step.
    pub fn invariants(self) -> El {
        let errors = derive(move || (*self.seen.read()).as_ref().map(Seen::errors));
        let of = move |which: usize| derive(move || error(errors.get()?, which));
        let line = |name, error| Invariant { name, error, bound: 1e-5 };
        invariants(vec![
            line("rows of α sum to one", of(0)),
            line("α = softmax of e", of(1)),
            line("c = the sum of α h", of(2)),
            line("s = (1 − z) s̃ + z s before", of(3)),
        ])
    }
}

/// The task that the knob says.
pub fn task(visit: Visit) -> Task {
    match visit.get("task").as_str() {
        "numbers" => Task::Numbers,
        "reversal" => Task::Reversal,
        _ => Task::Dates,
    }
}

fn twin_of(value: &str) -> Twin {
    if value == "fixed" { Twin::Fixed } else { Twin::Attention }
}

/// The model that the knob says.
pub fn twin(visit: Visit) -> Twin {
    twin_of(&visit.get("twin"))
}

fn untracked_twin(visit: Visit) -> Twin {
    twin_of(&visit.get_untracked("twin"))
}
