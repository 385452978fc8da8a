//! Which functions run before the first attention map is on screen: measured by opening the page in
//! headless Chromium, on the processor and with WebGPU. `dist` cuts the modules accordingly, so that
//! a visitor waits for these alone. What a measurement missed is fetched when it is called.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command as Process;

use anyhow::{Context, Result, ensure};
use walrus::ir::{Const, Instr, MemArg, Store, StoreKind, Value};
use walrus::{FunctionId, FunctionKind, ModuleConfig};

use crate::objects::Objects;
use crate::outline::{self, OUTLINED, Points};
use crate::process::{capture, note, step};
use crate::split::{self, stable_name};
use crate::tree::Body;
use crate::workspace::{root, scratch};
use crate::{setup, site};

/// A module that is cut, and its later parts. Functions that run with one kind of engine only are
/// a part of their own, which the start loads for that kind.
struct Cut {
    module: &'static str,
    parts: &'static [&'static str],
    /// Whether functions are cut, too, or only moved as a whole.
    within: bool,
}

/// Parts of the engine, by the numbers that `assets/worker.js` knows.
const ENGINE_PARTS: &[&str] = &["cpu", "gpu", "later"];
const CUTS: &[Cut] = &[
    Cut { module: "page", parts: &["later"], within: true },
    Cut { module: "engine", parts: ENGINE_PARTS, within: true },
    Cut { module: "engine-relaxed", parts: ENGINE_PARTS, within: true },
    // Its tables have random seeds: what runs within a function differs from visit to visit.
    Cut { module: "tokenizer", parts: &["later"], within: false },
];

/// When a function ran.
const WITH_CPU: u8 = 1;
const WITH_GPU: u8 = 2;

/// What ran in a module, and when.
#[derive(Default)]
pub struct ModuleRan {
    /// Functions by name.
    functions: BTreeMap<String, u8>,
    /// Points within functions.
    points: Points,
}

/// What ran in each module.
pub type Ran = BTreeMap<String, ModuleRan>;

fn cut_of(module: &str) -> Option<&'static Cut> {
    CUTS.iter().find(|cut| cut.module == module)
}

/// Whether `dist` cuts a module.
pub fn is_cut(module: &str) -> bool {
    cut_of(module).is_some()
}

/// Cuts `NAME_bg.wasm` in `out`, which has `objects` in memory, after what ran and tells its script.
/// Returns the files that hold the module now.
pub fn cut(name: &str, ran: &Ran, objects: &Objects, out: &Path) -> Result<Vec<String>> {
    let whole = format!("{name}_bg.wasm");
    let ran = ran.get(name.trim_end_matches("-relaxed"));
    let (Some(cut), Some(ran)) = (cut_of(name), ran) else { return Ok(vec![whole]) };
    let last = cut.parts.len() - 1;
    let part_of_bits = |bits: u8| match (bits, last) {
        (0, _) => Some(last),
        (WITH_CPU, 2) => Some(0),
        (WITH_GPU, 2) => Some(1),
        _ => None,
    };
    let part_of = |function: &str| match function.strip_prefix(OUTLINED) {
        Some(part) => part.parse().ok(),
        None => part_of_bits(ran.functions.get(function).copied().unwrap_or(0)),
    };
    let wasm = std::fs::read(out.join(&whole))?;
    let outlined = match cut.within {
        true => outline::outline(&wasm, &ran.points, part_of, part_of_bits),
        false => Ok(wasm),
    };
    let parts = outlined
        .and_then(|wasm| split::split(&wasm, cut.parts, part_of, objects))
        .with_context(|| format!("{whole} cannot be cut"))?;
    let script = out.join(format!("{name}.js"));
    let js = split::glue(&std::fs::read_to_string(&script)?, name, cut.parts)?;
    std::fs::write(script, js)?;
    std::fs::write(out.join(&whole), parts.first)?;
    let mut files = vec![whole];
    for (part, bytes) in parts.later {
        let file = format!("{name}_{part}.wasm");
        std::fs::write(out.join(&file), bytes)?;
        files.push(file);
    }
    Ok(files)
}

/// A mark of a module: the function's name, its shape and how many points it has, and which of them
/// this is; in a function without points of a shape that is known the mark is for its start alone.
struct Mark {
    name: String,
    shape: Option<(u64, usize)>,
    point: usize,
}

/// Makes every function of `NAME_bg.wasm` in `out` write into a memory of its own where it runs; the
/// script adds the module's exports to `globalThis.marked`. Returns the marks in their order
/// in that memory, a byte each.
fn mark(name: &str, out: &Path) -> Result<Vec<Mark>> {
    let file = out.join(format!("{name}_bg.wasm"));
    let mut module = ModuleConfig::new().parse(&std::fs::read(&file)?)?;
    let memory = module.memories.add_local(false, false, 0, None, None);
    let mut marks: Vec<Mark> = Vec::new();
    let set = |mark: usize| -> Vec<Instr> {
        let [at, one] = [mark as i32, 1].map(|value| Const { value: Value::I32(value) }.into());
        let kind = StoreKind::I32_8 { atomic: false };
        vec![at, one, Store { memory, kind, arg: MemArg { align: 1, offset: 0 } }.into()]
    };
    let functions: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
    for id in functions {
        let function = module.funcs.get_mut(id);
        let Some(name) = function.name.as_deref().map(stable_name) else { continue };
        let first = marks.len();
        if let Some((body, n_points)) = Body::of(&module, id) {
            let function = body.write(&mut module, &|point| set(first + point));
            module.funcs.get_mut(id).kind = FunctionKind::Local(function);
            let shape = Some((body.shape(), n_points));
            marks.extend((0..n_points).map(|point| Mark { name: name.clone(), shape, point }));
        } else if let FunctionKind::Local(function) = &mut module.funcs.get_mut(id).kind {
            let entry = function.entry_block();
            for instr in set(first).into_iter().rev() {
                function.builder_mut().instr_seq(entry).instr_at(0, instr);
            }
            marks.push(Mark { name, shape: None, point: 0 });
        }
    }
    module.memories.get_mut(memory).initial = marks.len() as u64 / 65536 + 1;
    module.exports.add(&format!("{MARKS}{name}"), memory);
    std::fs::write(&file, module.emit_wasm())?;
    let script = out.join(format!("{name}.js"));
    let js = std::fs::read_to_string(&script)?;
    let marked = js.replace(
        "wasm = instance.exports;",
        "(globalThis.marked ??= []).push(wasm = instance.exports);",
    );
    ensure!(marked != js, "{name}.js has another form than this expects");
    std::fs::write(script, marked)?;
    Ok(marks)
}

/// What the exported memory's name begins with; `tests/web/first-paint.mjs` looks for it.
const MARKS: &str = "ran:";

/// Opens the page that the modules in `folder` make until its first map is on screen, and says what
/// ran. Nothing where there is no Chromium to open it in: then nothing is cut.
pub fn measure(folder: &Path) -> Result<Ran> {
    let Some(chromium) = setup::chromium() else {
        note("not cut into parts: there is no Chromium to measure what the start needs");
        return Ok(Ran::new());
    };
    step("Measuring what runs before the first map");
    let modules = scratch("modules-marked");
    if modules.exists() {
        std::fs::remove_dir_all(&modules)?;
    }
    std::fs::create_dir_all(&modules)?;
    for (path, file) in site::walk(folder)? {
        std::fs::copy(file, modules.join(path))?;
    }
    let mut marks = BTreeMap::new();
    for cut in CUTS {
        marks.insert(cut.module, mark(cut.module, &modules)?);
    }
    let out = scratch("site-marked");
    site::write(&site::collect(&modules)?, &out)?;
    for (module, marks) in &marks {
        // For whoever wonders which function a mark is of.
        let lines = marks.iter().map(|mark| format!("{} {}\n", mark.name, mark.point));
        std::fs::write(modules.join(format!("{module}.marks")), lines.collect::<String>())?;
    }
    let mut node = Process::new("node");
    node.arg(root().join("tests/web/first-paint.mjs")).arg("--dist").arg(&out);
    node.env("CHROMIUM", chromium).current_dir(root());
    let said: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_str(&capture(&mut node)?).context("first-paint.mjs says no JSON")?;
    let mut ran = Ran::new();
    for (run, bit) in [("cpu", WITH_CPU), ("gpu", WITH_GPU)] {
        let modules = said.get(run).with_context(|| format!("first-paint.mjs knows no {run}"))?;
        for (module, passed) in modules {
            let marks = marks.get(module.as_str()).with_context(|| format!("no {module}"))?;
            ensure!(passed.len() > 100, "{module}: hardly anything ran ({run})");
            let ran = ran.entry(module.trim_end_matches("-relaxed").to_owned()).or_default();
            for mark in passed {
                ran.note(marks.get(*mark).context("no such mark")?, bit);
            }
        }
    }
    for (module, ran) in &ran {
        note(&format!("{module}: {} functions", ran.functions.len()));
    }
    Ok(ran)
}

impl ModuleRan {
    fn note(&mut self, mark: &Mark, bit: u8) {
        *self.functions.entry(mark.name.clone()).or_default() |= bit;
        if let Some((shape, n_points)) = mark.shape {
            let points = self.points.entry((mark.name.clone(), shape)).or_default();
            points.resize(n_points, 0);
            points[mark.point] |= bit;
        }
    }
}
