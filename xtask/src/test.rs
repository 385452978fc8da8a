//! `cargo xtask test`: everything that must hold, from formatting to a real browser.

use std::path::Path;
use std::process::Command as Process;

use anyhow::{Result, bail};

use crate::commands::{Command, Flags};
use crate::process::{note, run, succeeds};
use crate::tally::{Tally, from_cargo, from_plain};
use crate::toolchain::Toolchain;
use crate::workspace::{artefacts, is_ci, root, scratch};
use crate::{dist, models, setup, sizes};

/// `cargo xtask test`.
pub const COMMAND: Command = Command {
    name: "test",
    summary: "Check everything: format, lints, crates, goldens, GPU, a real browser.",
    help: "Usage: cargo xtask test [STAGE…] [--only NAME]

Stages, in order; all of them when none is named:
  lint     rustfmt and clippy, natively and for the web, warnings as errors
  native   the tests of all crates, GPU tests on Mesa's software driver (a missing driver is
           a failure), results held against the goldens
  web      the site as `dist` makes it, its size budget, and the tests in headless Chromium

  --only NAME   of native and web, the tests with NAME in their name

Installs what is missing and fetches the models first. The last line is the sum of what
really ran: `N passed, M failed`.",
    run: run_command,
};

/// A stage's name and what it does; the second argument is the part of a name to look for.
type Stage = (&'static str, fn(&mut Tally, Option<&str>));

const STAGES: &[Stage] = &[("lint", lint), ("native", native), ("web", web)];

fn run_command(flags: &mut Flags) -> Result<()> {
    let asked: Vec<&Stage> = STAGES.iter().filter(|(name, _)| flags.switch(name)).collect();
    let only = flags.value("--only")?;
    flags.finish()?;
    let stages = if asked.is_empty() { STAGES.iter().collect() } else { asked };
    let mut tally = Tally::default();
    for (_, stage) in stages {
        stage(&mut tally, only.as_deref());
    }
    if !tally.close() {
        std::process::exit(1);
    }
    Ok(())
}

fn cargo(verb: &str) -> Process {
    let mut cargo = Process::new("cargo");
    cargo.arg(verb).current_dir(root());
    cargo
}

fn locked(mut cargo: Process) -> Process {
    if is_ci() {
        cargo.arg("--locked");
    }
    cargo
}

fn lint(tally: &mut Tally, _: Option<&str>) {
    tally.check("The tools that lint", lint_tools);
    tally.check("Formatting", || run(cargo("fmt").args(["--all", "--check"])));
    tally.check("Lints, natively", || {
        let mut clippy = locked(cargo("clippy"));
        run(clippy.args(["--workspace", "--all-targets", "--", "--deny", "warnings"]))
    });
    tally.check("Lints, for the web", || {
        let toolchain = Toolchain::ready()?;
        let verb = if toolchain.has_clippy() { "clippy" } else { "check" };
        note(&format!("with `cargo {verb}`"));
        let mut cargo = locked(toolchain.cargo(&artefacts("web"), verb));
        cargo.args(["--package", "vitrine-app", "--profile", "wasm"]);
        if toolchain.has_clippy() {
            cargo.args(["--", "--deny", "warnings"]);
        }
        run(&mut cargo)
    });
}

/// rustfmt and clippy are not part of rustup's smallest profile.
fn lint_tools() -> Result<()> {
    for tool in ["fmt", "clippy"] {
        if succeeds(cargo(tool).arg("--version")) {
            continue;
        }
        let component = if tool == "fmt" { "rustfmt" } else { tool };
        run(Process::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

fn native(tally: &mut Tally, only: Option<&str>) {
    tally.check("The models", models::fetch);
    tally.check("A Vulkan driver in software", setup::vulkan);
    // Modules that are cut are held against whole ones there.
    tally.check("Node, to run modules in", setup::node);
    let mut tests = locked(cargo("test"));
    tests.args(["--workspace", "--no-fail-fast"]);
    // The same adapter everywhere, whatever else the machine has.
    tests.env("REQUIRE_GPU", "1");
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Mesa complains at length where there is none.
        tests.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    }
    if let Some(driver) = setup::lavapipe() {
        tests.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", &driver);
    }
    if let Some(only) = only {
        tests.args(["--", only]);
    }
    tally.run("Tests of all crates", &mut tests, from_cargo);
}

fn web(tally: &mut Tally, only: Option<&str>) {
    tally.check("The models", models::fetch);
    tally.check("A browser", setup::browser);
    tally.check("Node packages", setup::node);
    let out = scratch("dist-test");
    let mut is_built = false;
    tally.check("The site, as visitors get it", || {
        dist::build(&out, false)?;
        is_built = true;
        Ok(())
    });
    if !is_built {
        return;
    }
    if only.is_none() {
        tally.check("The size of the download", || sizes::report(&out));
    }
    match browser_tests(&out, only) {
        Ok(mut tests) => tally.run("Tests in a real browser", &mut tests, from_plain),
        Err(err) => tally.fail("Tests in a real browser", format!("{err:#}")),
    }
}

fn browser_tests(site: &Path, only: Option<&str>) -> Result<Process> {
    let script = root().join("tests/web/run.mjs");
    if !script.exists() {
        bail!("{} is missing; it belongs to the checkout", script.display());
    }
    let mut node = Process::new("node");
    node.arg(script).arg("--dist").arg(site);
    node.arg("--models").arg(root().join("assets/models"));
    if let Some(only) = only {
        node.args(["--only", only]);
    }
    if let Some(chromium) = setup::chromium() {
        node.env("CHROMIUM", chromium);
    }
    node.current_dir(root());
    Ok(node)
}
