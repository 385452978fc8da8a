//! A module whose memory comes in parts does the same as a whole one.

use std::process::Command;

use walrus::ir::{LoadKind, MemArg};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, FunctionBuilder, ModuleConfig, RefType, ValType,
};

use super::*;
use crate::split;
use crate::workspace::scratch;

const PARTS: &[&str] = &["one", "two"];

/// Names of objects of four bytes, one after the other: constants at 1024, the rest at 2048.
const CONSTANTS: &[&str] =
    &["first", "link", "end", "shared", "nobody", "both", "own_method", "method"];
const VARIABLES: &[&str] = &["mine", "ours"];

/// Functions by their names, with their part, and the object that each gives the value of.
const FUNCTIONS: &[(&str, Option<usize>, &str)] = &[
    ("a", None, "first"),
    ("b", None, "shared"),
    ("c", Some(0), "shared"),
    ("d", Some(0), "link"),
    ("e", Some(0), "mine"),
    ("f", Some(0), "ours"),
    ("g", Some(1), "ours"),
    ("h", Some(0), "both"),
    ("i", Some(1), "both"),
    ("j", Some(0), "own_method"),
    ("k", None, "method"),
];

/// Functions that only the table holds, from place 1 on, with their part and what each gives. Objects
/// of these names hold the places.
const METHODS: &[(&str, Option<usize>, u32)] =
    &[("own_method", Some(0), 77), ("method", Some(0), 88)];

fn place_of(name: &str) -> Option<u32> {
    METHODS.iter().position(|(other, ..)| *other == name).map(|idx| idx as u32 + 1)
}

fn address(name: &str) -> u32 {
    let place = |names: &[&str]| names.iter().position(|other| *other == name);
    match (place(CONSTANTS), place(VARIABLES)) {
        (Some(idx), _) => 1024 + 4 * idx as u32,
        (_, idx) => 2048 + 4 * idx.expect("a name of the lists") as u32,
    }
}

/// An object's value: a number of its own; of `link`, the address of `end`; of a method, its place in
/// the table.
fn value(name: &str) -> u32 {
    match place_of(name) {
        Some(place) => place,
        None if name == "link" => address("end"),
        None => address(name) * 3,
    }
}

/// The number of an object's symbol.
fn symbol_of(name: &str) -> usize {
    let mut names = CONSTANTS.iter().chain(VARIABLES);
    names.position(|other| *other == name).expect("a name of the lists")
}

/// As a linker writes it with `--emit-relocs`.
fn module() -> Result<Vec<u8>> {
    let mut module = Module::default();
    let memory = module.memories.add_local(false, false, 1, None, None);
    module.exports.add("memory", memory);
    let n_places = METHODS.len() as u64 + 1;
    let table = module.tables.add_local(false, n_places, Some(n_places), RefType::FUNCREF);
    let ty = module.types.add(&[], &[ValType::I32]);
    let mut methods = Vec::new();
    for (name, _, returns) in METHODS {
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        builder.func_body().i32_const(*returns as i32);
        let id = builder.finish(Vec::new(), &mut module.funcs);
        module.funcs.get_mut(id).name = Some((*name).to_owned());
        methods.push(id);
    }
    let kind = ElementKind::Active { table, offset: ConstExpr::Value(Value::I32(1)) };
    let element = module.elements.add(kind, ElementItems::Functions(methods));
    module.tables.get_mut(table).elem_segments.insert(element);
    for (start, names) in [(1024, CONSTANTS), (2048, VARIABLES)] {
        let offset = ConstExpr::Value(Value::I32(start));
        let bytes = names.iter().flat_map(|name| value(name).to_le_bytes()).collect();
        let id = module.data.add(DataKind::Active { memory, offset }, bytes);
        module.memories.get_mut(memory).data_segments.insert(id);
    }
    for (name, _, object) in FUNCTIONS {
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        let kind = LoadKind::I32 { atomic: false };
        let mut body = builder.func_body();
        body.i32_const(address(object) as i32);
        body.load(memory, kind, MemArg { align: 4, offset: 0 });
        if place_of(object).is_some() {
            body.call_indirect(ty, table);
        }
        let id = builder.finish(Vec::new(), &mut module.funcs);
        module.funcs.get_mut(id).name = Some((*name).to_owned());
        module.exports.add(name, id);
    }
    let mut wasm = module.emit_wasm();
    let (code, body) = {
        let sections = sections(&wasm)?;
        let code = sections.iter().position(|(id, _)| *id == 10).context("no code")?;
        (code, sections[code].1.to_vec())
    };
    let (data, data_body) = {
        let sections = sections(&wasm)?;
        let data = sections.iter().position(|(id, _)| *id == DATA).context("no data")?;
        (data, sections[data].1.to_vec())
    };
    append(&mut wasm, "linking", &linking());
    let mut relocations = Vec::new();
    for (_, _, object) in FUNCTIONS {
        // Constants of 1024 and more take two bytes after the opcode.
        let address = address(object);
        let bytes = [0x41, (address & 127) as u8 | 128, (address >> 7) as u8];
        let mut places = body.windows(3).enumerate().filter(|(_, window)| *window == bytes);
        let place = places.next().context("no such constant")?.0 + 1;
        relocations.extend([4, place as u8, symbol_of(object) as u8, 0]);
    }
    append_relocations(&mut wasm, "reloc.CODE", code, FUNCTIONS.len(), &relocations);
    let place = |name: &str| -> Result<u8> {
        let bytes = value(name).to_le_bytes();
        let place = data_body.windows(4).rposition(|window| window == bytes);
        Ok(place.context("no such value")? as u8)
    };
    let mut relocations = Vec::new();
    for (name, ..) in METHODS {
        relocations.extend([2, place(name)?, 0]);
    }
    relocations.extend([5, place("link")?, symbol_of("end") as u8, 0]);
    append_relocations(&mut wasm, "reloc.DATA", data, METHODS.len() + 1, &relocations);
    Ok(wasm)
}

/// The body of the section "linking": the names of two segments and the symbols.
fn linking() -> Vec<u8> {
    let mut body = vec![2, SEGMENTS];
    let mut segments = vec![2];
    for name in [".rodata", ".data"] {
        segments.push(name.len() as u8);
        segments.extend(name.bytes());
        segments.extend([0, 0]);
    }
    put_number(&mut body, segments.len() as u64);
    body.extend(segments);
    let mut symbols = Vec::new();
    put_number(&mut symbols, (CONSTANTS.len() + VARIABLES.len()) as u64);
    for (segment, names) in [CONSTANTS, VARIABLES].into_iter().enumerate() {
        for (idx, name) in names.iter().enumerate() {
            symbols.extend([1, 0, name.len() as u8]);
            symbols.extend(name.bytes());
            symbols.extend([segment as u8, 4 * idx as u8, 4]);
        }
    }
    body.push(SYMBOLS);
    put_number(&mut body, symbols.len() as u64);
    body.extend(symbols);
    body
}

fn append(wasm: &mut Vec<u8>, name: &str, body: &[u8]) {
    wasm.push(CUSTOM);
    put_number(wasm, (1 + name.len() + body.len()) as u64);
    wasm.push(name.len() as u8);
    wasm.extend(name.bytes());
    wasm.extend(body);
}

fn append_relocations(wasm: &mut Vec<u8>, name: &str, section: usize, n: usize, entries: &[u8]) {
    let body: Vec<u8> = [&[section as u8, n as u8], entries].concat();
    append(wasm, name, &body);
}

/// Prints what memory holds and what calls of the table do before anything is loaded, what all
/// functions return, and what memory holds after that.
const SCRIPT: &str = r#"
import { readFileSync } from "node:fs";
const [folder] = process.argv.slice(1);
const module = (name) => new WebAssembly.Module(readFileSync(`${folder}/${name}.wasm`));
const parts = ["one", "two"].map(module);
const load = (number) => new WebAssembly.Instance(parts[number], { v: cut });
const cut = new WebAssembly.Instance(module("first"), { v: { l: load } }).exports;
const words = (at, n) => [...new Uint32Array(cut.memory.buffer, at, n)].join(" ");
const memory = () => console.log(`${words(1024, 8)} ${words(2048, 2)}`);
const table = Object.values(cut).find((item) => item instanceof WebAssembly.Table);
const call = (place) => {
  try { return table.get(place)(); } catch (error) { return error.message; }
};
memory();
console.log(call(1), call(2));
console.log([..."abcdefghijk"].map((name) => cut[name]()).join(" "));
memory();
"#;

#[test]
fn memory_comes_with_the_part_that_knows_it() -> Result<()> {
    let (objects, wasm) = Objects::take(&module()?)?;
    assert!(ModuleConfig::new().parse(&wasm)?.customs.iter().next().is_none());
    let part_of = |name: &str| {
        let functions = FUNCTIONS.iter().map(|(other, part, _)| (other, part));
        let mut all = functions.chain(METHODS.iter().map(|(other, part, _)| (other, part)));
        *all.find(|(other, _)| **other == name)?.1
    };
    let split = split::split(&wasm, PARTS, part_of, &objects)?;
    let folder = scratch("objects");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("first.wasm"), split.first)?;
    for (part, bytes) in split.later {
        std::fs::write(folder.join(format!("{part}.wasm")), bytes)?;
    }
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", SCRIPT, "--"]).arg(&folder);
    let output = node.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    let words = |names: &[&str], kept: &[&str]| -> String {
        let words = names.iter().map(|name| if kept.contains(name) { value(name) } else { 0 });
        words.map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = [CONSTANTS, VARIABLES].concat();
    // What may change and is known to two parts has to be there for whichever comes first.
    assert_eq!(lines[0], words(&all, &["first", "shared", "ours", "method"]));
    assert_eq!(lines[1], "unreachable 88");
    let returned: Vec<String> = FUNCTIONS
        .iter()
        .map(|(_, _, object)| match place_of(object) {
            Some(place) => METHODS[place as usize - 1].2.to_string(),
            None => value(object).to_string(),
        })
        .collect();
    assert_eq!(lines[2], returned.join(" "));
    assert_eq!(lines[3], words(&all, &[&all[..4], &all[5..]].concat()));
    Ok(())
}

#[test]
fn what_a_linker_does_not_write_is_refused() -> Result<()> {
    let wasm = module()?;
    let text = |wasm: &[u8]| Objects::take(wasm).map(|_| ()).map_err(|err| err.to_string());
    assert!(text(&wasm).is_ok());
    // The last byte but three is that of the place of the only relocation of data.
    let mut moved = wasm.clone();
    let place = moved.len() - 3;
    moved[place] += 1;
    assert!(text(&moved).is_err_and(|err| err.contains("not what a relocation")));
    let mut unknown = wasm;
    let kind = unknown.len() - 4;
    unknown[kind] = 11;
    assert!(text(&unknown).is_err_and(|err| err.contains("unknown kind")));
    Ok(())
}

#[test]
fn who_knows_the_end_of_an_object_does_not_know_the_next_one() {
    let object = |at| Object { at, is_constant: true, refers_to: Known::default() };
    let mut objects =
        Objects { objects: vec![object(16..24), object(24..32)], ..Objects::default() };
    let functions =
        Functions(vec![(10, Some("walks".to_owned())), (50, Some("reads".to_owned())), (90, None)]);
    let mention = |place, of, value| Mention { place, of, value };
    objects.name(
        &[mention(12, 0, 16), mention(20, 0, 24), mention(60, 1, 24), mention(99, 1, 28)],
        &functions,
    );
    assert_eq!(
        objects.named_by["walks"],
        HashMap::from([(16, Set::from([0])), (24, Set::from([0]))])
    );
    assert_eq!(objects.named_by["reads"], HashMap::from([(24, Set::from([1]))]));
    assert_eq!(objects.named[&24], Set::from([0, 1]), "for functions that are made later");
    assert_eq!(objects.named[&28], Set::from([1]));
}
