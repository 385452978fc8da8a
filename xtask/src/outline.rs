//! Moves what never ran within functions that did into functions of their own, so that a cut
//! between functions (`split.rs`) takes it out of the first part. The code from a point to the end
//! of its sequence becomes a function whose parameters are the locals that it reads and whose
//! results are those that it writes for others, with a number of the way that it left by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use walrus::ir::{Call, Const, Instr, LocalGet, LocalId, LocalSet, Value};
use walrus::{FunctionId, FunctionKind, Module, ModuleConfig, ValType};

use crate::live::Liveness;
use crate::split::stable_name;
use crate::tree::{Body, Label, Node, Seq};

/// What the names of the new functions begin with; the number of their part follows.
pub const OUTLINED: char = '~';

/// What a function of its own costs in the first part beside its parameters and results: a type, a
/// stub, a call.
const COST: usize = 16;

/// What ran of a function's points: bits by their numbers, in functions of one name and shape.
pub type Points = BTreeMap<(String, u64), Vec<u8>>;

/// Moves code to the parts that `part_of` names for what ran (`None` is the first part), where
/// `ran` knows the function. A function that belongs to a part as a whole by its name is there:
/// `part_of_function`.
///
/// # Errors
/// If the module is none.
pub fn outline(
    wasm: &[u8],
    ran: &Points,
    part_of_function: impl Fn(&str) -> Option<usize>,
    part_of: impl Fn(u8) -> Option<usize>,
) -> Result<Vec<u8>> {
    let mut module = ModuleConfig::new().parse(wasm)?;
    let functions: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
    for id in functions {
        let Some(name) = module.funcs.get(id).name.as_deref().map(stable_name) else { continue };
        let Some((mut body, _)) = Body::of(&module, id) else { continue };
        let Some(bits) = ran.get(&(name.clone(), body.shape())) else { continue };
        let part = part_of_function(&name);
        let parts: Vec<Option<usize>> = bits.iter().map(|bits| part_of(*bits)).collect();
        let next_label = body.next_label();
        let mut outliner =
            Outliner { module: &mut module, parts, results: HashMap::new(), next_label };
        if outliner.cut(&mut body, part) {
            let function = body.write(&mut module, &|_| Vec::new());
            module.funcs.get_mut(id).kind = FunctionKind::Local(function);
        }
    }
    Ok(module.emit_wasm())
}

/// A way out of code that is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// At the end of its sequence.
    End,
    To(Label),
    Return,
}

/// What code that could be moved holds.
#[derive(Default)]
struct Found {
    /// Labels of sequences in it.
    inner: BTreeSet<Label>,
    exits: BTreeSet<Exit>,
    reads: BTreeSet<LocalId>,
    writes: BTreeSet<LocalId>,
    /// A branch that may not be taken and would bring values: there is no place to keep them.
    is_odd: bool,
}

/// A function that is being cut.
struct Outliner<'a> {
    module: &'a mut Module,
    /// Part of the code from each point on.
    parts: Vec<Option<usize>>,
    /// What a branch to each label brings, where that is something.
    results: HashMap<Label, Vec<ValType>>,
    next_label: Label,
}

impl Outliner<'_> {
    /// Moves what is not of `part` out of a function of it; whether there was any.
    fn cut(&mut self, body: &mut Body, part: Option<usize>) -> bool {
        let mut live = Liveness::of(body);
        let returns = body.entry.results.clone();
        self.results.insert(body.entry.label, returns.clone());
        let mut frame = Frame { live: &mut live, returns, entry: body.entry.label, part };
        self.cut_seq(&mut body.entry, false, &mut frame)
    }

    fn cut_seq(&mut self, seq: &mut Seq, is_loop: bool, frame: &mut Frame) -> bool {
        let mut did = false;
        for at in 0..seq.nodes.len() {
            if let Node::Point(point) = seq.nodes[at] {
                // A function as a whole is put somewhere by its name.
                let is_entry = at == 0 && seq.label == frame.entry;
                let part = self.parts[point];
                let moved = match part {
                    Some(part) if Some(part) != frame.part && !is_entry => {
                        self.move_out(seq, at, is_loop, part, frame)
                    }
                    _ => None,
                };
                if let Some(call) = moved {
                    seq.nodes.truncate(at);
                    seq.nodes.extend(call);
                    return true;
                }
            }
            let is_loop = matches!(seq.nodes[at], Node::Loop(_));
            for inner in seq.nodes[at].nested_mut() {
                if !is_loop && !inner.results.is_empty() {
                    self.results.insert(inner.label, inner.results.clone());
                }
                did |= self.cut_seq(inner, is_loop, frame);
            }
        }
        did
    }

    /// Makes what stands in `seq` from `at` on a function, and says what calls it; nothing where
    /// that is not worth it.
    fn move_out(
        &mut self,
        seq: &Seq,
        at: usize,
        is_loop: bool,
        part: usize,
        frame: &mut Frame,
    ) -> Option<Vec<Node>> {
        let suffix = &seq.nodes[at..];
        let home = Home { label: seq.label, is_loop, is_entry: seq.label == frame.entry };
        let mut found = Found::default();
        self.find(suffix, &home, &mut found);
        let falls = falls_through(suffix);
        if falls {
            found.exits.insert(Exit::End);
        }
        if found.is_odd {
            return None;
        }

        let mut live_out = frame.live.at_end(seq.label).clone();
        let live_in = frame.live.before(suffix, live_out.clone());
        if !found.exits.contains(&Exit::End) {
            live_out = Default::default();
        }
        for exit in &found.exits {
            if let Exit::To(label) = exit {
                live_out.add(frame.live.at_target(*label));
            }
        }
        let ty = |local: &LocalId| self.module.locals.get(*local).ty();
        let used = found.reads.union(&found.writes);
        let mut ins: Vec<LocalId> =
            used.copied().filter(|local| frame.live.is_in(*local, &live_in)).collect();
        let mut outs: Vec<LocalId> = found.writes.iter().copied().collect();
        outs.retain(|local| frame.live.is_in(*local, &live_out));
        // In one order, so that functions share types.
        ins.sort_by_key(|local| (ty(local), *local));
        outs.sort_by_key(|local| (ty(local), *local));
        let n_exits = found.exits.len();
        let cost = COST + 3 * ins.len() + 2 * outs.len() + 3 * n_exits;
        if suffix.iter().map(Node::n_bytes).sum::<usize>() < cost {
            return None;
        }

        let exits: Vec<Exit> = found.exits.iter().copied().collect();
        let values = self.values(&exits, seq, frame);
        let ways = Ways { exits, values, labels: self.labels(n_exits), home, inner: found.inner };
        let mut kept = outs.clone();
        kept.extend(ways.all_values());
        let function = self.function(suffix, falls, &ins, &kept, &ways, part);
        let mut call: Vec<Node> = ins.iter().map(|local| get(*local)).collect();
        call.push(Node::Plain(Call { func: function }.into()));
        call.extend(kept.iter().rev().map(|local| set(*local)));
        Some(self.dispatch(call, &ways))
    }

    /// Walks through what is to be moved.
    fn find(&self, nodes: &[Node], home: &Home, found: &mut Found) {
        for node in nodes {
            match node {
                Node::Plain(Instr::LocalGet(get)) => {
                    found.reads.insert(get.local);
                }
                Node::Plain(Instr::LocalSet(set)) => {
                    found.writes.insert(set.local);
                }
                Node::Plain(Instr::LocalTee(tee)) => {
                    found.writes.insert(tee.local);
                }
                Node::Return => {
                    found.exits.insert(home.exit(None));
                }
                Node::Br(label) if !found.inner.contains(label) => {
                    found.exits.insert(home.exit(Some(*label)));
                }
                Node::BrIf(label) => self.find_branch(*label, home, found),
                Node::BrTable(labels, default) => {
                    labels.iter().chain([default]).for_each(|label| {
                        self.find_branch(*label, home, found);
                    });
                }
                _ => {
                    for seq in node.nested() {
                        found.inner.insert(seq.label);
                        self.find(&seq.nodes, home, found);
                    }
                }
            }
        }
    }

    fn find_branch(&self, label: Label, home: &Home, found: &mut Found) {
        if !found.inner.contains(&label) {
            found.is_odd |= self.results.get(&label).is_some_and(|results| !results.is_empty());
            found.exits.insert(home.exit(Some(label)));
        }
    }

    /// Locals for what each way out brings on the stack; ways share them.
    fn values(&mut self, exits: &[Exit], seq: &Seq, frame: &Frame) -> Vec<Vec<LocalId>> {
        let mut pool: Vec<LocalId> = Vec::new();
        let types = exits.iter().map(|exit| match exit {
            Exit::End => seq.results.clone(),
            Exit::To(label) => self.results.get(label).cloned().unwrap_or_default(),
            Exit::Return => frame.returns.clone(),
        });
        let types: Vec<Vec<ValType>> = types.collect();
        let locals = &mut self.module.locals;
        let mut of = |types: &Vec<ValType>| {
            let mut taken = Vec::new();
            for ty in types {
                let free =
                    pool.iter().find(|id| !taken.contains(*id) && locals.get(**id).ty() == *ty);
                let id = free.copied().unwrap_or_else(|| {
                    let id = locals.add(*ty);
                    pool.push(id);
                    id
                });
                taken.push(id);
            }
            taken
        };
        types.iter().map(&mut of).collect()
    }

    fn labels(&mut self, n: usize) -> Vec<Label> {
        let first = self.next_label;
        self.next_label += n;
        (first..self.next_label).collect()
    }

    /// The function that holds the code. It returns the number of the way out if there are more
    /// than one, and `kept`.
    #[allow(clippy::too_many_arguments)]
    fn function(
        &mut self,
        suffix: &[Node],
        falls: bool,
        ins: &[LocalId],
        kept: &[LocalId],
        ways: &Ways,
        part: usize,
    ) -> FunctionId {
        let mut nodes = ways.redirect(suffix);
        if falls {
            nodes.extend(ways.leave(Exit::End));
        } else {
            nodes.push(unreachable());
        }
        let code = self.module.locals.add(ValType::I32);
        let has_code = ways.exits.len() > 1;
        // Way 0 ends the outermost block; the code's local holds zero by then.
        for (way, label) in ways.labels.iter().enumerate().rev() {
            nodes = vec![Node::Block(Seq::new(*label, nodes))];
            if way > 0 {
                nodes.extend([i32(way), set(code), Node::Br(ways.labels[0])]);
            }
        }
        let [label] = self.labels(1)[..] else { unreachable!("one was asked for") };
        if has_code {
            nodes.push(get(code));
        }
        nodes.extend(kept.iter().map(|local| get(*local)));
        if ways.exits.is_empty() {
            nodes.push(unreachable());
        }
        let types = kept.iter().map(|local| self.module.locals.get(*local).ty());
        let results = has_code.then_some(ValType::I32).into_iter().chain(types).collect();
        let mut body = Body { args: ins.to_vec(), entry: Seq { label, results, nodes } };
        // Of what one kind of engine runs, the rest may be for later.
        self.cut(&mut body, Some(part));
        let function = body.write(self.module, &|_| Vec::new());
        let id = self.module.funcs.add_local(function);
        self.module.funcs.get_mut(id).name = Some(format!("{OUTLINED}{part}"));
        id
    }

    /// From a call that leaves the way's number on the stack, if there are several, to where the
    /// code would have gone.
    fn dispatch(&mut self, mut call: Vec<Node>, ways: &Ways) -> Vec<Node> {
        let go = |way: usize| -> Vec<Node> {
            let mut nodes: Vec<Node> = ways.values[way].iter().map(|local| get(*local)).collect();
            match ways.exits[way] {
                Exit::End => {}
                Exit::To(label) => nodes.push(Node::Br(label)),
                Exit::Return => nodes.push(Node::Return),
            }
            nodes
        };
        match ways.exits[..] {
            [] => call.push(unreachable()),
            [_] => call.extend(go(0)),
            [Exit::End, Exit::To(label)] if ways.values[1].is_empty() => {
                call.push(Node::BrIf(label));
                call.extend(go(0));
            }
            [Exit::End, _] => {
                let [then, other] = self.labels(2)[..] else { unreachable!("two were asked for") };
                call.push(Node::If(Seq::new(then, go(1)), Seq::new(other, Vec::new())));
                call.extend(go(0));
            }
            _ => {
                // Ways that are more than a branch get a block to go to, the end one of its own.
                let mut targets = Vec::new();
                let mut pads = Vec::new();
                for (way, exit) in ways.exits.iter().enumerate() {
                    match exit {
                        Exit::To(label) if ways.values[way].is_empty() => targets.push(*label),
                        _ => {
                            let label = self.labels(1)[0];
                            targets.push(label);
                            pads.push((way, label));
                        }
                    }
                }
                let last = targets.pop().unwrap_or_default();
                call.push(Node::BrTable(targets, last));
                for (way, label) in pads.into_iter().rev() {
                    call = vec![Node::Block(Seq::new(label, call))];
                    call.extend(go(way));
                }
            }
        }
        call
    }
}

/// The function that code is moved out of.
struct Frame<'a> {
    live: &'a mut Liveness,
    returns: Vec<ValType>,
    entry: Label,
    part: Option<usize>,
}

/// The sequence that code is moved out of.
struct Home {
    label: Label,
    is_loop: bool,
    is_entry: bool,
}

impl Home {
    /// The way that a branch to a label out of the code takes, or a return.
    fn exit(&self, label: Option<Label>) -> Exit {
        match label {
            None if self.is_entry => Exit::End,
            None => Exit::Return,
            Some(label) if label == self.label && !self.is_loop => Exit::End,
            Some(label) => Exit::To(label),
        }
    }
}

/// The ways out of code that is moved.
struct Ways {
    exits: Vec<Exit>,
    /// Locals for what each brings.
    values: Vec<Vec<LocalId>>,
    /// Where each goes in the new function.
    labels: Vec<Label>,
    home: Home,
    inner: BTreeSet<Label>,
}

impl Ways {
    /// All locals that ways bring something in.
    fn all_values(&self) -> BTreeSet<LocalId> {
        self.values.iter().flatten().copied().collect()
    }

    fn number(&self, exit: Exit) -> usize {
        self.exits.iter().position(|other| *other == exit).expect("every exit was found before")
    }

    fn label(&self, label: Label) -> Label {
        match self.inner.contains(&label) {
            true => label,
            false => self.labels[self.number(self.home.exit(Some(label)))],
        }
    }

    /// Takes a way out, with its values on the stack.
    fn leave(&self, exit: Exit) -> Vec<Node> {
        let way = self.number(exit);
        let sets = self.values[way].iter().rev().map(|local| set(*local));
        sets.chain([Node::Br(self.labels[way])]).collect()
    }

    /// The code with its ways out as they are in the new function.
    fn redirect(&self, nodes: &[Node]) -> Vec<Node> {
        let mut redirected = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::Return => redirected.extend(self.leave(self.home.exit(None))),
                Node::Br(label) if !self.inner.contains(label) => {
                    redirected.extend(self.leave(self.home.exit(Some(*label))));
                }
                Node::BrIf(label) => redirected.push(Node::BrIf(self.label(*label))),
                Node::BrTable(labels, default) => redirected.push(Node::BrTable(
                    labels.iter().map(|label| self.label(*label)).collect(),
                    self.label(*default),
                )),
                _ => {
                    let mut node = node.clone();
                    node.nested_mut().for_each(|seq| seq.nodes = self.redirect(&seq.nodes));
                    redirected.push(node);
                }
            }
        }
        redirected
    }
}

/// Whether anything gets to the end of these nodes.
fn falls_through(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Br(_) | Node::BrTable(..) | Node::Return => false,
        Node::Plain(Instr::Unreachable(_)) => false,
        Node::Block(seq) => falls_through(&seq.nodes) || branches_to(&seq.nodes, seq.label),
        Node::Loop(seq) => falls_through(&seq.nodes),
        Node::If(..) => {
            node.nested().any(|seq| falls_through(&seq.nodes) || branches_to(&seq.nodes, seq.label))
        }
        _ => true,
    })
}

fn branches_to(nodes: &[Node], label: Label) -> bool {
    nodes.iter().any(|node| match node {
        Node::Br(to) | Node::BrIf(to) => *to == label,
        Node::BrTable(labels, default) => labels.contains(&label) || *default == label,
        _ => node.nested().any(|seq| branches_to(&seq.nodes, label)),
    })
}

fn get(local: LocalId) -> Node {
    Node::Plain(LocalGet { local }.into())
}

fn set(local: LocalId) -> Node {
    Node::Plain(LocalSet { local }.into())
}

fn i32(value: usize) -> Node {
    Node::Plain(Const { value: Value::I32(value as i32) }.into())
}

fn unreachable() -> Node {
    Node::Plain(walrus::ir::Unreachable {}.into())
}

#[cfg(test)]
mod tests;
