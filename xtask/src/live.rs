//! Which locals of a function are live where: read before they are written.

use std::collections::HashMap;

use walrus::ir::{Instr, LocalGet, LocalId, LocalSet, LocalTee};

use crate::tree::{Body, Label, Node};

/// A set of locals, by the numbers that [`Liveness`] gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locals(Vec<u64>);

impl Locals {
    fn insert(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Adds another's locals; whether it had them all before.
    pub fn add(&mut self, other: &Self) -> bool {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut had_all = true;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            had_all &= more & !*word == 0;
            *word |= more;
        }
        had_all
    }
}

/// What is live in a function.
pub struct Liveness {
    numbers: HashMap<LocalId, usize>,
    /// Where a branch to a label goes.
    targets: HashMap<Label, Locals>,
    /// Where a sequence ends.
    ends: HashMap<Label, Locals>,
}

impl Liveness {
    pub fn of(body: &Body) -> Self {
        let mut live =
            Self { numbers: HashMap::new(), targets: HashMap::new(), ends: HashMap::new() };
        live.targets.insert(body.entry.label, Locals::default());
        live.ends.insert(body.entry.label, Locals::default());
        live.before(&body.entry.nodes, Locals::default());
        live
    }

    /// What is live where a branch to the label goes.
    pub fn at_target(&self, label: Label) -> &Locals {
        &self.targets[&label]
    }

    /// What is live at the end of the label's sequence.
    pub fn at_end(&self, label: Label) -> &Locals {
        &self.ends[&label]
    }

    pub fn is_in(&self, local: LocalId, locals: &Locals) -> bool {
        self.numbers.get(&local).is_some_and(|number| locals.contains(*number))
    }

    fn number(&mut self, local: LocalId) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(local).or_insert(next)
    }

    /// What is live before some nodes, from what is after them.
    pub fn before(&mut self, nodes: &[Node], after: Locals) -> Locals {
        let mut live = after;
        for node in nodes.iter().rev() {
            match node {
                Node::Point(_) => {}
                Node::Plain(Instr::LocalGet(LocalGet { local })) => {
                    let number = self.number(*local);
                    live.insert(number);
                }
                Node::Plain(
                    Instr::LocalSet(LocalSet { local }) | Instr::LocalTee(LocalTee { local }),
                ) => {
                    let number = self.number(*local);
                    live.remove(number);
                }
                Node::Return | Node::Plain(Instr::Unreachable(_)) => live = Locals::default(),
                Node::Plain(_) => {}
                Node::Br(label) => live = self.targets[label].clone(),
                Node::BrIf(label) => {
                    live.add(&self.targets[label]);
                }
                Node::BrTable(labels, default) => {
                    live = self.targets[default].clone();
                    labels.iter().for_each(|label| {
                        live.add(&self.targets[label]);
                    });
                }
                Node::Block(seq) => {
                    self.targets.insert(seq.label, live.clone());
                    self.ends.insert(seq.label, live.clone());
                    live = self.before(&seq.nodes, live);
                }
                Node::Loop(seq) => {
                    self.ends.insert(seq.label, live.clone());
                    // Until nothing is added: a turn of the loop reads what another one left.
                    loop {
                        self.targets.entry(seq.label).or_default();
                        let head = self.before(&seq.nodes, live.clone());
                        let known = self.targets.entry(seq.label).or_default();
                        if known.add(&head) {
                            live = known.clone();
                            break;
                        }
                    }
                }
                Node::If(then, other) => {
                    for seq in [then, other] {
                        self.targets.insert(seq.label, live.clone());
                        self.ends.insert(seq.label, live.clone());
                    }
                    let mut before = self.before(&then.nodes, live.clone());
                    before.add(&self.before(&other.nodes, live));
                    live = before;
                }
            }
        }
        live
    }
}
