//! `cargo xtask bench`: speed, natively and in the browser beside its peers.

use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::commands::{Command, Flags};
use crate::process::{note, run, step};
use crate::workspace::{root, scratch};
use crate::{dist, golden, models, setup};

/// Above this one-minute load average, figures mean nothing.
const MAX_LOAD: f64 = 1.5;

/// How long the load of the build that came before may take to settle.
const SETTLING: Duration = Duration::from_secs(300);

/// `cargo xtask bench`.
pub const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure speed, natively or (--web) in the browser beside its peers.",
    help: "Usage: cargo xtask bench [--web | --train] [--json] [FLAGS…]

Without flags: runs `vitrine bench` on SmolLM2, on the CPU and on the GPU if there is one.
With --web:    headless Chromium, ours and the peers from npm in turns, one thread each.
With --train:  a training step (128 columns, 4 blocks, 2048 tokens) on one core, and the same in
               PyTorch on one thread (installed as by `cargo xtask golden`), in turns.

  --json   each figure as a line of JSON

Other flags are handed on (see `cargo run --release -p vitrine-models --bin vitrine -- bench
--help` and tests/web/bench.mjs). Everything is built first; then nothing is measured before
the load average is at most 1.5, and the command gives up after five minutes.",
    run: run_command,
};

fn run_command(flags: &mut Flags) -> Result<()> {
    let (web, train) = (flags.switch("--web"), flags.switch("--train"));
    let rest = flags.rest();
    if train {
        return train_bench();
    }
    models::fetch()?;
    if web {
        setup::browser()?;
        setup::node()?;
        let out = scratch("dist-bench");
        dist::build(&out, false)?;
        settle(rest.iter().any(|arg| arg == "--even-if-busy"))?;
        return run(&mut web_bench(&out, &rest));
    }
    step("Building the command line for speed");
    let mut build = Process::new("cargo");
    let package = ["--release", "--package", "vitrine-models", "--bin", "vitrine"];
    run(build.arg("build").args(package).current_dir(root()))?;
    settle(false)?;
    let mut bench = Process::new("cargo");
    bench.arg("run").arg("--quiet").args(package).args(["--", "bench"]).args(rest);
    run(bench.current_dir(root()))
}

/// Turns of each, so that what else the machine does meets both.
const N_TURNS: usize = 3;

fn train_bench() -> Result<()> {
    let python = golden::python()?;
    step("Building the training step for speed");
    let example = ["--release", "--package", "vitrine-kernels", "--example", "train_bench"];
    run(Process::new("cargo").arg("build").args(example).current_dir(root()))?;
    settle(false)?;
    for _ in 0..N_TURNS {
        run(Process::new("cargo").args(["run", "--quiet"]).args(example).current_dir(root()))?;
        run(Process::new(&python).arg(root().join("tests/golden/train_bench.py")))?;
    }
    Ok(())
}

fn web_bench(site: &Path, rest: &[String]) -> Process {
    let mut node = Process::new("node");
    node.arg(root().join("tests/web/bench.mjs")).arg("--dist").arg(site);
    node.arg("--models").arg(root().join("assets/models")).args(rest);
    if let Some(chromium) = setup::chromium() {
        node.env("CHROMIUM", chromium);
    }
    node
}

/// Waits for a machine that is idle enough to measure on.
fn settle(even_if_busy: bool) -> Result<()> {
    let started = std::time::Instant::now();
    loop {
        let Some(load) = load_average()? else {
            note("this system tells no load average; make sure that nothing else runs");
            return Ok(());
        };
        if load <= MAX_LOAD || even_if_busy {
            note(&format!("load average {load:.2}"));
            return Ok(());
        }
        if started.elapsed() > SETTLING {
            bail!(
                "refused: the load average is {load:.2}, above {MAX_LOAD}; something else is \
                 running, and figures would mean nothing"
            );
        }
        note(&format!("load average {load:.2}; waiting until it is at most {MAX_LOAD}"));
        std::thread::sleep(Duration::from_secs(15));
    }
}

fn load_average() -> Result<Option<f64>> {
    let Ok(text) = std::fs::read_to_string("/proc/loadavg") else { return Ok(None) };
    let first = text.split(' ').next().unwrap_or_default();
    let load = first.parse().with_context(|| format!("/proc/loadavg says `{text}`"))?;
    Ok(Some(load))
}
