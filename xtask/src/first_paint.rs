//! Which functions run before the first attention map is on screen: measured by opening the page in
//! headless Chromium, on the processor and with WebGPU. `dist` cuts the modules accordingly, so that
//! a visitor waits for these alone. What a measurement missed is fetched when it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command as Process;

use anyhow::{Context, Result, ensure};
use walrus::ir::Value;
use walrus::{ConstExpr, FunctionKind, ModuleConfig, ValType};

use crate::process::{capture, note, step};
use crate::split::{self, stable_name};
use crate::workspace::{root, scratch};
use crate::{setup, site};

/// A module that is cut, and its later parts. Functions that run with one kind of engine only are
/// a part of their own, which the start loads for that kind.
struct Cut {
    module: &'static str,
    parts: &'static [&'static str],
}

/// Parts of the engine, by the numbers that `assets/worker.js` knows.
const ENGINE_PARTS: &[&str] = &["cpu", "gpu", "later"];
const CUTS: &[Cut] = &[
    Cut { module: "page", parts: &["later"] },
    Cut { module: "engine", parts: ENGINE_PARTS },
    Cut { module: "engine-relaxed", parts: ENGINE_PARTS },
];

/// When a function ran.
const WITH_CPU: u8 = 1;
const WITH_GPU: u8 = 2;

/// For each module what ran in it, and when.
pub type Ran = BTreeMap<String, BTreeMap<String, u8>>;

fn cut_of(module: &str) -> Option<&'static Cut> {
    CUTS.iter().find(|cut| cut.module == module)
}

/// Whether `dist` cuts a module.
pub fn is_cut(module: &str) -> bool {
    cut_of(module).is_some()
}

/// Cuts `NAME_bg.wasm` in `out` after what ran and tells its script. Returns the files that hold
/// the module now.
pub fn cut(name: &str, ran: &Ran, out: &Path) -> Result<Vec<String>> {
    let whole = format!("{name}_bg.wasm");
    let ran = ran.get(name.trim_end_matches("-relaxed"));
    let (Some(cut), Some(ran)) = (cut_of(name), ran) else { return Ok(vec![whole]) };
    let last = cut.parts.len() - 1;
    let part_of = |function: &str| match (ran.get(function), last) {
        (None, _) => Some(last),
        (Some(&WITH_CPU), 2) => Some(0),
        (Some(&WITH_GPU), 2) => Some(1),
        (Some(_), _) => None,
    };
    let parts = split::split(&std::fs::read(out.join(&whole))?, cut.parts, part_of)
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

/// Makes every function of `NAME_bg.wasm` in `out` set a global of its own when it runs; the script
/// leaves the module's exports under `globalThis.marked`.
fn mark(name: &str, out: &Path) -> Result<()> {
    let file = out.join(format!("{name}_bg.wasm"));
    let mut module = ModuleConfig::new().parse(&std::fs::read(&file)?)?;
    let functions: Vec<_> = module.funcs.iter().map(|function| function.id()).collect();
    for id in functions {
        let function = module.funcs.get(id);
        let Some(symbol) = function.name.clone() else { continue };
        if !matches!(function.kind, FunctionKind::Local(_)) {
            continue;
        }
        let zero = ConstExpr::Value(Value::I32(0));
        let ran = module.globals.add_local(ValType::I32, true, false, zero);
        module.exports.add(&format!("{MARK}{}:{symbol}", id.index()), ran);
        let body = module.funcs.get_mut(id).kind.unwrap_local_mut().builder_mut();
        body.func_body().const_at(0, Value::I32(1)).global_set_at(1, ran);
    }
    std::fs::write(&file, module.emit_wasm())?;
    let script = out.join(format!("{name}.js"));
    let js = std::fs::read_to_string(&script)?;
    let marked =
        js.replace("wasm = instance.exports;", "globalThis.marked = wasm = instance.exports;");
    ensure!(marked != js, "{name}.js has another form than this expects");
    std::fs::write(script, marked)?;
    Ok(())
}

/// What the exported globals' names begin with; `tests/web/first-paint.mjs` looks for it.
const MARK: &str = "ran:";

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
    for cut in CUTS {
        mark(cut.module, &modules)?;
    }
    let out = scratch("site-marked");
    site::write(&site::collect(&modules)?, &out)?;
    let mut node = Process::new("node");
    node.arg(root().join("tests/web/first-paint.mjs")).arg("--dist").arg(&out);
    node.env("CHROMIUM", chromium).current_dir(root());
    let said: BTreeMap<String, BTreeMap<String, Vec<String>>> =
        serde_json::from_str(&capture(&mut node)?).context("first-paint.mjs says no JSON")?;
    let mut ran = Ran::new();
    for (module, runs) in said {
        let functions = ran.entry(module.clone()).or_default();
        for (run, bit) in [("cpu", WITH_CPU), ("gpu", WITH_GPU)] {
            let names: BTreeSet<String> =
                runs.get(run).into_iter().flatten().map(|name| stable_name(name)).collect();
            ensure!(names.len() > 100, "{module}: hardly anything ran ({run})");
            for name in names {
                *functions.entry(name).or_default() |= bit;
            }
        }
        note(&format!("{module}: {} functions", functions.len()));
    }
    Ok(ran)
}
