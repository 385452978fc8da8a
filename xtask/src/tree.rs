//! The body of a function of a module as a tree, with the points in it at which `first_paint` asks
//! whether the code from there on ever ran.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use walrus::ir::{
    Block, Br, BrIf, BrTable, Const, IfElse, Instr, InstrSeqId, InstrSeqType, LocalId, Loop,
    Return, Value,
};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ValType};

/// What a branch names.
pub type Label = usize;

/// Code from a point to the end of its sequence that is shorter than this, in bytes, is not worth
/// asking about.
const WORTH_A_POINT: usize = 18;

/// A function.
#[derive(Clone, Debug)]
pub struct Body {
    pub args: Vec<LocalId>,
    pub entry: Seq,
}

/// Instructions in their order.
#[derive(Clone, Debug)]
pub struct Seq {
    pub label: Label,
    /// What it leaves on the stack.
    pub results: Vec<ValType>,
    pub nodes: Vec<Node>,
}

/// An instruction, or a point between two.
#[derive(Clone, Debug)]
pub enum Node {
    /// Where the sequence has nothing on the stack, by its number in the function. What comes after
    /// it in the sequence runs only if this is passed.
    Point(usize),
    Plain(Instr),
    Block(Seq),
    Loop(Seq),
    If(Seq, Seq),
    Br(Label),
    BrIf(Label),
    BrTable(Vec<Label>, Label),
    Return,
}

impl Node {
    /// The sequences in it.
    pub fn nested(&self) -> impl Iterator<Item = &Seq> {
        let (first, second) = match self {
            Self::Block(seq) | Self::Loop(seq) => (Some(seq), None),
            Self::If(then, other) => (Some(then), Some(other)),
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The sequences in it.
    pub fn nested_mut(&mut self) -> impl Iterator<Item = &mut Seq> {
        let (first, second) = match self {
            Self::Block(seq) | Self::Loop(seq) => (Some(seq), None),
            Self::If(then, other) => (Some(then), Some(other)),
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// About how many bytes it takes in a module.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Point(_) => 0,
            Self::Plain(instr) => match instr {
                Instr::Const(Const { value: Value::I32(value) }) => leb(i64::from(*value)),
                Instr::Const(Const { value: Value::I64(value) }) => leb(*value),
                Instr::Const(Const { value: Value::F32(_) }) => 5,
                Instr::Const(Const { value: Value::F64(_) }) => 9,
                Instr::Const(Const { value: Value::V128(_) }) => 18,
                Instr::Load(_) | Instr::Store(_) | Instr::Call(_) | Instr::CallIndirect(_) => 3,
                Instr::LocalGet(_) | Instr::LocalSet(_) | Instr::LocalTee(_) => 2,
                Instr::GlobalGet(_) | Instr::GlobalSet(_) => 2,
                Instr::MemoryCopy(_) | Instr::MemoryFill(_) => 4,
                _ => 1,
            },
            Self::Block(_) | Self::Loop(_) | Self::If(..) => {
                3 + self.nested().map(Seq::n_bytes).sum::<usize>()
            }
            Self::Br(_) | Self::BrIf(_) => 2,
            Self::BrTable(labels, _) => 3 + labels.len(),
            Self::Return => 1,
        }
    }
}

/// Bytes of a constant: its opcode and seven bits in each byte after that.
fn leb(value: i64) -> usize {
    let n_bits = 65 - if value < 0 { !value } else { value }.leading_zeros() as usize;
    1 + n_bits.div_ceil(7)
}

impl Seq {
    /// A sequence that leaves nothing.
    pub fn new(label: Label, nodes: Vec<Node>) -> Self {
        Self { label, results: Vec::new(), nodes }
    }

    /// About how many bytes it takes in a module.
    pub fn n_bytes(&self) -> usize {
        self.nodes.iter().map(Node::n_bytes).sum()
    }

    /// Drops points that are not worth it and numbers the others.
    fn number(&mut self, next: &mut usize, is_entry: bool) {
        let mut left = self.n_bytes();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for mut node in std::mem::take(&mut self.nodes) {
            left -= node.n_bytes();
            if let Node::Point(number) = &mut node {
                if left < WORTH_A_POINT && !(is_entry && *next == 0) {
                    continue;
                }
                *number = *next;
                *next += 1;
            }
            node.nested_mut().for_each(|seq| seq.number(next, false));
            nodes.push(node);
        }
        self.nodes = nodes;
    }

    fn add_shape(&self, hasher: &mut DefaultHasher) {
        for node in &self.nodes {
            // Of relaxed SIMD fewer instructions make the same way through a function.
            if !matches!(node, Node::Plain(_)) {
                discriminant(node).hash(hasher);
            }
            node.nested().for_each(|seq| seq.add_shape(hasher));
        }
        self.nodes.is_empty().hash(hasher);
    }

    fn last_label(&self) -> Label {
        let nested = self.nodes.iter().flat_map(Node::nested);
        nested.map(Self::last_label).max().unwrap_or(0).max(self.label)
    }
}

impl Body {
    /// A function's tree and how many points it has, or nothing where it holds what this does not
    /// know.
    pub fn of(module: &Module, id: FunctionId) -> Option<(Self, usize)> {
        let FunctionKind::Local(function) = &module.funcs.get(id).kind else { return None };
        let results = module.types.results(function.ty()).to_vec();
        let mut entry = read(function, function.entry_block(), results)?;
        let mut n_points = 0;
        entry.number(&mut n_points, true);
        Some((Self { args: function.args.clone(), entry }, n_points))
    }

    /// A number that tells it from functions of another form: two builds number the points of
    /// functions of one form alike.
    pub fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.entry.add_shape(&mut hasher);
        hasher.finish()
    }

    /// The first label that is free.
    pub fn next_label(&self) -> Label {
        self.entry.last_label() + 1
    }

    /// The function that it describes, with `at_point` in place of each point.
    pub fn write(
        &self,
        module: &mut Module,
        at_point: &dyn Fn(usize) -> Vec<Instr>,
    ) -> LocalFunction {
        let params: Vec<ValType> =
            self.args.iter().map(|arg| module.locals.get(*arg).ty()).collect();
        let builder = FunctionBuilder::new(&mut module.types, &params, &self.entry.results);
        let mut writer = Writer { builder, ids: HashMap::new(), at_point };
        let entry = writer.builder.func_body_id();
        writer.fill(entry, &self.entry);
        writer.builder.local_func(self.args.clone())
    }
}

/// A sequence with a point wherever there can be one.
fn read(function: &LocalFunction, id: InstrSeqId, results: Vec<ValType>) -> Option<Seq> {
    // A sequence in another; those that take something from the stack are not known.
    let nested = |id: InstrSeqId| match function.block(id).ty {
        InstrSeqType::Simple(result) => read(function, id, result.into_iter().collect()),
        InstrSeqType::MultiValue(_) => None,
    };
    let mut nodes = vec![Node::Point(0)];
    for (instr, _) in &function.block(id).instrs {
        let (node, is_boundary) = match instr {
            Instr::Block(Block { seq }) => {
                let seq = nested(*seq)?;
                let is_boundary = seq.results.is_empty();
                (Node::Block(seq), is_boundary)
            }
            Instr::Loop(Loop { seq }) => {
                let seq = nested(*seq)?;
                let is_boundary = seq.results.is_empty();
                (Node::Loop(seq), is_boundary)
            }
            Instr::IfElse(IfElse { consequent, alternative }) => {
                let (then, other) = (nested(*consequent)?, nested(*alternative)?);
                let is_boundary = then.results.is_empty();
                (Node::If(then, other), is_boundary)
            }
            Instr::Br(Br { block }) => (Node::Br(block.index()), false),
            Instr::BrIf(BrIf { block }) => {
                let is_boundary = function.block(*block).ty == InstrSeqType::Simple(None);
                (Node::BrIf(block.index()), is_boundary)
            }
            Instr::BrTable(BrTable { blocks, default }) => {
                let labels = blocks.iter().map(|block| block.index()).collect();
                (Node::BrTable(labels, default.index()), false)
            }
            Instr::Return(_) => (Node::Return, false),
            _ if is_foreign(instr) => return None,
            _ => (Node::Plain(instr.clone()), false),
        };
        nodes.push(node);
        if is_boundary {
            nodes.push(Node::Point(0));
        }
    }
    Some(Seq { label: id.index(), results, nodes })
}

/// Instructions that go elsewhere in ways that a tree does not show.
fn is_foreign(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::BrOnNull(_)
            | Instr::BrOnNonNull(_)
            | Instr::BrOnCast(_)
            | Instr::BrOnCastFail(_)
            | Instr::ReturnCall(_)
            | Instr::ReturnCallIndirect(_)
            | Instr::ReturnCallRef(_)
            | Instr::Try(_)
            | Instr::TryTable(_)
            | Instr::Throw(_)
            | Instr::ThrowRef(_)
    )
}

struct Writer<'a> {
    builder: FunctionBuilder,
    ids: HashMap<Label, InstrSeqId>,
    at_point: &'a dyn Fn(usize) -> Vec<Instr>,
}

impl Writer<'_> {
    fn fill(&mut self, id: InstrSeqId, seq: &Seq) {
        self.ids.insert(seq.label, id);
        for node in &seq.nodes {
            let instrs = match node {
                Node::Point(point) => (self.at_point)(*point),
                Node::Plain(instr) => vec![instr.clone()],
                Node::Block(seq) => vec![Block { seq: self.nested(seq) }.into()],
                Node::Loop(seq) => vec![Loop { seq: self.nested(seq) }.into()],
                Node::If(then, other) => {
                    let (consequent, alternative) = (self.nested(then), self.nested(other));
                    vec![IfElse { consequent, alternative }.into()]
                }
                Node::Br(label) => vec![Br { block: self.ids[label] }.into()],
                Node::BrIf(label) => vec![BrIf { block: self.ids[label] }.into()],
                Node::BrTable(labels, default) => {
                    let blocks = labels.iter().map(|label| self.ids[label]).collect();
                    vec![BrTable { blocks, default: self.ids[default] }.into()]
                }
                Node::Return => vec![Return {}.into()],
            };
            for instr in instrs {
                self.builder.instr_seq(id).instr(instr);
            }
        }
    }

    fn nested(&mut self, seq: &Seq) -> InstrSeqId {
        let result = seq.results.first().copied();
        let id = self.builder.dangling_instr_seq(result).id();
        self.fill(id, seq);
        id
    }
}
