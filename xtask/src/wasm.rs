//! From the app crate to what a browser loads: one cargo run for the three modules, one more
//! for the engine with relaxed SIMD, then wasm-bindgen's glue and, for `dist`, wasm-opt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::first_paint;
use crate::objects::Objects;
use crate::process::{note, run, step};
use crate::shorten;
use crate::toolchain::Toolchain;
use crate::unused;
use crate::workspace::{artefacts, is_ci, root};

/// The modules of the app crate: what a visitor's browser loads, in that order.
const MODULES: &[&str] = &["page", "engine", "tokenizer"];

/// The engine's second build, for browsers that have relaxed SIMD.
const RELAXED: &str = "engine-relaxed";

/// The crates that `serve` compiles a second time for it.
const RELAXED_CRATES: [&str; 3] = ["vitrine-kernels", "vitrine-models", "vitrine-app"];

/// How much time the build takes for how small and fast a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Compiles quickly, one engine for all browsers; for looking at changes to the page.
    Fast,
    /// The kernels as fast as visitors get them, the rest larger than theirs and sooner compiled.
    Local,
    /// What visitors get, short of wasm-opt.
    Release,
    /// As `Release`, then shrunk by wasm-opt.
    Dist,
}

impl Effort {
    fn profile(self) -> &'static str {
        match self {
            Self::Fast | Self::Local => "wasm-fast",
            Self::Release | Self::Dist => "wasm",
        }
    }
}

/// Builds every module and writes `NAME.js` and `NAME_bg.wasm` into `out`.
pub fn build(effort: Effort, out: &Path) -> Result<()> {
    let toolchain = Toolchain::ready()?;
    if out.exists() {
        std::fs::remove_dir_all(out)?;
    }
    std::fs::create_dir_all(out)?;
    let modules = || compile(toolchain, effort, &artefacts("web"), MODULES, &[]);
    let (compiled, with_relaxed) = if effort == Effort::Dist {
        step(
            "Compiling the page, the engine, without and with relaxed SIMD, and the tokenizer for the web",
        );
        // Beside each other: much of either is the work of one core, crate by crate.
        std::thread::scope(|scope| {
            let other = scope.spawn(|| relaxed(toolchain, effort));
            let compiled = modules();
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            anyhow::Ok((compiled?, Some(other?)))
        })?
    } else {
        step("Compiling the page, the engine and the tokenizer for the web");
        (modules()?, None)
    };
    let mut objects = BTreeMap::new();
    for name in MODULES {
        let module = compiled.join(format!("{name}.wasm"));
        objects.insert(*name, bind(effort, &module, name, out)?);
    }
    if effort == Effort::Fast {
        note("the plain engine also stands in for the one with relaxed SIMD");
        return stand_in(out);
    }
    let compiled = match with_relaxed {
        Some(compiled) => compiled,
        None => {
            step("Compiling the engine once more, with relaxed SIMD for browsers that have it");
            relaxed(toolchain, effort)?
        }
    };
    objects.insert(RELAXED, bind(effort, &compiled.join("engine.wasm"), RELAXED, out)?);
    if effort == Effort::Dist {
        shorten_glue(out)?;
        let ran = first_paint::measure(out)?;
        let mut files = Vec::new();
        for (name, objects) in &objects {
            files.extend(first_paint::cut(name, &ran, objects, out)?);
        }
        optimise(&files, out)?;
    }
    Ok(())
}

/// Compiles the engine with relaxed SIMD.
fn relaxed(toolchain: Toolchain, effort: Effort) -> Result<PathBuf> {
    const FLAG: &str = "-Ctarget-feature=+relaxed-simd";
    if effort == Effort::Dist {
        // The whole of it, apart: where all names are those of the plain one, so is the order of functions and what
        // is put into what, and a measurement of one holds for the other.
        let extra = ["--config", &rustflags(FLAG)];
        return compile(toolchain, effort, &artefacts("web-relaxed"), &["engine"], &extra);
    }
    // Our own crates alone: all others are there already.
    let own = RELAXED_CRATES
        .map(|name| format!("profile.{}.package.{name}.rustflags=[\"{FLAG}\"]", effort.profile()));
    let mut extra = vec!["-Zprofile-rustflags"];
    extra.extend(own.iter().flat_map(|of_crate| ["--config", of_crate.as_str()]));
    compile(toolchain, effort, &artefacts("web"), &["engine"], &extra)
}

/// The plain engine in place of the one with relaxed SIMD.
fn stand_in(out: &Path) -> Result<()> {
    for ending in [".js", "_bg.wasm"] {
        let (plain, relaxed) = (format!("engine{ending}"), format!("{RELAXED}{ending}"));
        std::fs::copy(out.join(plain), out.join(relaxed))?;
    }
    Ok(())
}

/// Shortens each module's script, and the names that the two share.
fn shorten_glue(out: &Path) -> Result<()> {
    for name in MODULES.iter().chain([&RELAXED]) {
        let (script, module) =
            (out.join(format!("{name}.js")), out.join(format!("{name}_bg.wasm")));
        let (js, wasm) =
            shorten::glue(&std::fs::read_to_string(&script)?, &std::fs::read(&module)?)
                .with_context(|| format!("{name}.js cannot be shortened"))?;
        std::fs::write(script, js)?;
        std::fs::write(module, wasm)?;
    }
    Ok(())
}

/// A line of cargo's configuration that adds a flag for the web's compiler.
fn rustflags(flag: &str) -> String {
    format!("target.wasm32-unknown-unknown.rustflags=[\"{flag}\"]")
}

/// What `dist` compiles with beside that.
const DIST_FLAGS: &[&str] = &[
    // For `objects`: who has which address.
    "-Clink-arg=--emit-relocs",
    // A panic says what is wrong, not in which line: a place for every check is much to send.
    "-Zlocation-detail=none",
];

fn compile(
    toolchain: Toolchain,
    effort: Effort,
    target_dir: &Path,
    modules: &[&str],
    extra: &[&str],
) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo(target_dir, "build");
    cargo.args(["--package", "vitrine-app", "--profile", effort.profile()]);
    if effort != Effort::Fast {
        // For flags of one crate's own, and for the standard library.
        Toolchain::allow_unstable(&mut cargo);
    }
    if effort == Effort::Dist {
        toolchain.build_std(&mut cargo);
        // Names that tell every instance of a generic function apart, for `first_paint`.
        cargo.args(["--config", &rustflags("-Csymbol-mangling-version=v0")]);
        for flag in DIST_FLAGS {
            cargo.args(["--config", &rustflags(flag)]);
        }
    }
    cargo.args(extra);
    for module in modules {
        cargo.args(["--bin", module]);
    }
    if is_ci() {
        cargo.arg("--locked");
    }
    run(&mut cargo).context("the web build failed; the compiler's message is above")?;
    Ok(Toolchain::output(target_dir, effort.profile()))
}

/// Writes a compiled module and its script into `out`; returns what the linker says of its memory, so
/// that data goes with the code that knows it.
fn bind(effort: Effort, module: &Path, name: &str, out: &Path) -> Result<Objects> {
    let bytes = std::fs::read(module).with_context(|| format!("no {}", module.display()))?;
    let (objects, bytes) = Objects::take(&bytes)
        .with_context(|| format!("cannot read what the linker wrote into {}", module.display()))?;
    Bindgen::new()
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        // Function names are for whoever debugs, and a third of the download. Where a module is
        // cut they say where; the cut drops them.
        .remove_name_section(effort == Effort::Dist && !first_paint::is_cut(name))
        .omit_default_module_path(false)
        .input_bytes(name, bytes)
        .generate(out)
        .with_context(|| format!("wasm-bindgen refuses {}", module.display()))?;
    if effort == Effort::Dist {
        let script = out.join(format!("{name}.js"));
        let module = out.join(format!("{name}_bg.wasm"));
        let (js, wasm) =
            unused::leave_out(&std::fs::read_to_string(&script)?, &std::fs::read(&module)?)
                .with_context(|| format!("cannot slim {}", script.display()))?;
        std::fs::write(script, js)?;
        std::fs::write(module, wasm)?;
    }
    Ok(objects)
}

/// Shrinks the named modules in `out` with wasm-opt, which comes with npm's binaryen.
fn optimise(files: &[String], out: &Path) -> Result<()> {
    let wasm_opt = root().join("tests/web/node_modules/.bin/wasm-opt");
    if !wasm_opt.exists() {
        step("Not shrinking further: there is no wasm-opt (node and `npm ci` would bring it)");
        return Ok(());
    }
    step("Shrinking with wasm-opt");
    for file in files {
        if file.starts_with("engine") && file.ends_with("_bg.wasm") {
            // wasm-opt makes it shorter, and larger once brotli has packed it.
            continue;
        }
        let module = out.join(file);
        let smaller = module.with_extension("opt");
        let before = std::fs::metadata(&module)?.len();
        // The kernels' loops are as the compiler scheduled them for speed; the rest is for size.
        let level = if file.starts_with("engine") { "-O2" } else { "-Oz" };
        let mut command = Command::new(&wasm_opt);
        command.arg(&module).arg("-o").arg(&smaller).arg(level).args(FEATURES);
        if file.starts_with(RELAXED) {
            command.arg("--enable-relaxed-simd");
        }
        run(&mut command)?;
        let after = std::fs::metadata(&smaller)?.len();
        if after == 0 {
            bail!("wasm-opt left {} empty", smaller.display());
        }
        std::fs::rename(&smaller, &module)?;
        note(&format!("{file}: {} kB → {} kB", before / 1000, after / 1000));
    }
    Ok(())
}

/// What rustc's output uses. Naming them one by one matters: with `--all-features`, wasm-opt
/// writes encodings that browsers refuse.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];
