//! Functions made at random do the same whole and in parts, wherever they are cut.

use std::process::Command;

use walrus::ir::{BinaryOp, Binop, Instr, LocalId, MemArg, Store, StoreKind, UnaryOp, Unop};
use walrus::{ConstExpr, ElementItems, ElementKind, MemoryId, RefType};

use super::*;
use crate::objects::Objects;
use crate::split;
use crate::workspace::scratch;

const N_FUNCTIONS: usize = 150;
const PARTS: &[&str] = &["one", "two"];

/// Numbers that look random and are the same each time (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % n
    }
}

/// Where a branch may go.
#[derive(Clone)]
struct Target {
    label: Label,
    results: Vec<ValType>,
}

struct Maker {
    random: Random,
    memory: MemoryId,
    ints: Vec<LocalId>,
    longs: Vec<LocalId>,
    /// Falls with each turn of a loop; at zero the function returns.
    fuel: LocalId,
    returns: Vec<ValType>,
    targets: Vec<Target>,
    next_label: Label,
}

impl Maker {
    fn int(&mut self) -> LocalId {
        self.ints[self.random.below(self.ints.len())]
    }

    fn long(&mut self) -> LocalId {
        self.longs[self.random.below(self.longs.len())]
    }

    fn values(&mut self, types: &[ValType]) -> Vec<Node> {
        let local = |ty: &ValType| match ty {
            ValType::I64 => get(self.long()),
            _ => get(self.int()),
        };
        types.iter().map(local).collect()
    }

    fn seq(&mut self, results: &[ValType], is_loop: bool, depth: usize) -> Seq {
        let label = self.next_label;
        self.next_label += 1;
        let brought = if is_loop { &[] } else { results };
        self.targets.push(Target { label, results: brought.to_vec() });
        let mut nodes = Vec::new();
        if is_loop {
            nodes.extend([get(self.fuel), i32(1), binop(BinaryOp::I32Sub), set(self.fuel)]);
            nodes.extend([get(self.fuel), Node::Plain(Unop { op: UnaryOp::I32Eqz }.into())]);
            let mut out = self.values(&self.returns.clone());
            out.push(Node::Return);
            nodes.push(self.empty_if(out));
        }
        let mut goes_on = true;
        for _ in 0..3 + self.random.below(8) {
            goes_on = self.statement(&mut nodes, depth);
            if !goes_on {
                break;
            }
        }
        if goes_on {
            nodes.extend(self.values(results));
        }
        self.targets.pop();
        Seq { label, results: results.to_vec(), nodes }
    }

    fn empty_if(&mut self, then: Vec<Node>) -> Node {
        self.next_label += 2;
        Node::If(Seq::new(self.next_label - 2, then), Seq::new(self.next_label - 1, Vec::new()))
    }

    /// A label that a branch brings nothing to.
    fn plain_target(&mut self) -> Option<Label> {
        let mut plain = self.targets.clone();
        plain.retain(|target| target.results.is_empty());
        (!plain.is_empty()).then(|| plain[self.random.below(plain.len())].label)
    }

    /// Adds what leaves nothing on the stack; whether anything can come after it.
    fn statement(&mut self, nodes: &mut Vec<Node>, depth: usize) -> bool {
        let kind = self.random.below(if depth == 0 { 12 } else { 22 });
        match kind {
            0..=4 => {
                let ops = [BinaryOp::I32Add, BinaryOp::I32Mul, BinaryOp::I32Xor, BinaryOp::I32LtU];
                let op = ops[self.random.below(ops.len())];
                let to = self.int();
                nodes.extend([get(self.int()), get(self.int()), binop(op)]);
                nodes.extend([i32(self.random.below(9)), binop(BinaryOp::I32Add), set(to)]);
            }
            5..=6 => {
                let to = self.long();
                let wide = Node::Plain(Unop { op: UnaryOp::I64ExtendUI32 }.into());
                nodes.extend([get(self.long()), get(self.int()), wide]);
                nodes.extend([binop(BinaryOp::I64Sub), set(to)]);
            }
            7 => {
                let (memory, kind) = (self.memory, StoreKind::I32 { atomic: false });
                let store = Store { memory, kind, arg: MemArg { align: 4, offset: 0 } };
                nodes.extend([i32(4 * self.random.below(64)), get(self.int())]);
                nodes.push(Node::Plain(store.into()));
            }
            8..=9 => {
                let Some(label) = self.plain_target() else { return true };
                nodes.extend([get(self.int()), i32(1 + self.random.below(3))]);
                nodes.extend([binop(BinaryOp::I32And), Node::BrIf(label)]);
            }
            10 if self.random.below(3) == 0 => {
                let target = self.targets[self.random.below(self.targets.len())].clone();
                nodes.extend(self.values(&target.results));
                nodes.push(Node::Br(target.label));
                return false;
            }
            11 if self.random.below(4) == 0 => {
                nodes.extend(self.values(&self.returns.clone()));
                nodes.push(Node::Return);
                return false;
            }
            12 => {
                let targets: Option<Vec<Label>> = (0..4).map(|_| self.plain_target()).collect();
                let Some(mut labels) = targets else { return true };
                let last = labels.remove(0);
                nodes.extend([get(self.int()), i32(3), binop(BinaryOp::I32And)]);
                nodes.push(Node::BrTable(labels, last));
                return false;
            }
            13..=16 => nodes.push(Node::Block(self.seq(&[], false, depth - 1))),
            17 => {
                let to = self.int();
                nodes.push(Node::Block(self.seq(&[ValType::I32], false, depth - 1)));
                nodes.push(set(to));
            }
            18..=19 => nodes.push(Node::Loop(self.seq(&[], true, depth - 1))),
            20..=21 => {
                nodes.extend([get(self.int()), i32(1), binop(BinaryOp::I32And)]);
                let then = self.seq(&[], false, depth - 1);
                let other = self.seq(&[], false, depth - 1);
                nodes.push(Node::If(then, other));
            }
            _ => {}
        }
        true
    }
}

fn binop(op: BinaryOp) -> Node {
    Node::Plain(Instr::from(Binop { op }))
}

/// A module of functions `f0`, `f1`, …, of two numbers of 32 bits and one of 64.
fn module() -> Vec<u8> {
    let mut module = Module::default();
    let memory = module.memories.add_local(false, false, 1, None, None);
    module.exports.add("memory", memory);
    let table = module.tables.add_local(false, 1, Some(1), RefType::FUNCREF);
    let mut add =
        |ty: ValType, n: usize| -> Vec<LocalId> { (0..n).map(|_| module.locals.add(ty)).collect() };
    let (ints, longs) = (add(ValType::I32, 6), add(ValType::I64, 3));
    let fuel = add(ValType::I32, 1)[0];
    let mut maker = Maker {
        random: Random(0x9E37_79B9_7F4A_7C15),
        memory,
        fuel,
        returns: Vec::new(),
        targets: Vec::new(),
        next_label: 0,
        ints,
        longs,
    };
    for number in 0..N_FUNCTIONS {
        maker.returns = match number % 3 {
            0 => vec![],
            1 => vec![ValType::I32],
            _ => vec![ValType::I64, ValType::I32],
        };
        let entry = maker.seq(&maker.returns.clone(), false, 4);
        let args = vec![maker.ints[0], maker.ints[1], maker.longs[0], maker.fuel];
        let function = Body { args, entry }.write(&mut module, &|_| Vec::new());
        let id = module.funcs.add_local(function);
        module.funcs.get_mut(id).name = Some(format!("f{number}"));
        module.exports.add(&format!("f{number}"), id);
        if number == 0 {
            let kind = ElementKind::Active { table, offset: ConstExpr::Value(Value::I32(0)) };
            let element = module.elements.add(kind, ElementItems::Functions(vec![id]));
            module.tables.get_mut(table).elem_segments.insert(element);
        }
    }
    module.emit_wasm()
}

/// Calls every function of the module, whole and in parts, and prints what each did.
const SCRIPT: &str = r#"
import { readFileSync } from "node:fs";
const [folder, ...names] = process.argv.slice(1);
const module = (name) => new WebAssembly.Module(readFileSync(`${folder}/${name}.wasm`));
let parts;
const load = (number) => new WebAssembly.Instance(parts[number], { v: cut });
const whole = new WebAssembly.Instance(module("whole"), {}).exports;
const did = (exports, name, args) => {
  const got = exports[name](...args);
  return `${got} ${new Uint32Array(exports.memory.buffer, 0, 64)}`;
};
let cut;
for (const name of names) {
  parts = ["one", "two"].map((part) => module(`${name}-${part}`));
  cut = new WebAssembly.Instance(module(name), { v: { l: load } }).exports;
  for (const key of Object.keys(whole).filter((key) => key.startsWith("f"))) {
    for (let input = 0; input < 24; input += 1) {
      const args = [input, (input * 7919) >>> 3, BigInt(input) * 1234567890123n, 1 + 3 * input];
      new Uint32Array(whole.memory.buffer).fill(0);
      new Uint32Array(cut.memory.buffer).fill(0);
      const [expected, found] = [did(whole, key, args), did(cut, key, args)];
      if (expected !== found) throw new Error(`${name}: ${key}(${args}): ${found} for ${expected}`);
    }
  }
}
console.log("the same");
"#;

#[test]
fn functions_do_the_same_wherever_they_are_cut() -> Result<()> {
    let wasm = module();
    let folder = scratch("outlined");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("whole.wasm"), &wasm)?;
    let parsed = ModuleConfig::new().parse(&wasm)?;
    let mut random = Random(1);
    let names: Vec<String> = (0..4).map(|round| format!("cut{round}")).collect();
    for (round, name) in names.iter().enumerate() {
        let mut ran = Points::new();
        for function in parsed.funcs.iter() {
            let (body, n_points) = Body::of(&parsed, function.id()).expect("a tree");
            let name = function.name.clone().expect("a name");
            // What never ran, with part 1, of part 0, and of the first.
            let bits = (0..n_points).map(|_| [0, 1, 3][random.below(2 + round % 2)]).collect();
            ran.insert((name, body.shape()), bits);
        }
        let part_of_bits = |bits| [Some(1), Some(0), None, None][usize::from(bits)];
        let part_of = |name: &str| name.strip_prefix(OUTLINED).and_then(|part| part.parse().ok());
        let outlined = outline(&wasm, &ran, part_of, part_of_bits)?;
        let n_moved = ModuleConfig::new().parse(&outlined)?.funcs.iter().count() - N_FUNCTIONS;
        assert!(n_moved > N_FUNCTIONS, "only {n_moved} functions were made");
        let split = split::split(&outlined, PARTS, part_of, &Objects::default())?;
        std::fs::write(folder.join(format!("{name}.wasm")), split.first)?;
        for (part, bytes) in split.later {
            std::fs::write(folder.join(format!("{name}-{part}.wasm")), bytes)?;
        }
    }
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", SCRIPT, "--"]).arg(&folder).args(&names);
    let output = node.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "the same");
    Ok(())
}
