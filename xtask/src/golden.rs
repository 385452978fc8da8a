//! `cargo xtask golden`: makes the reference values anew, with PyTorch and transformers.

use std::path::PathBuf;
use std::process::Command as Process;

use anyhow::{Context, Result};

use crate::commands::{Command, Flags};
use crate::process::{note, run, step};
use crate::workspace::{root, scratch};
use crate::{models, setup};

/// `cargo xtask golden`.
pub const COMMAND: Command = Command {
    name: "golden",
    summary: "Make the reference values anew, with PyTorch and transformers.",
    help: "Usage: cargo xtask golden [ARGUMENTS…]

Makes a Python environment under target/, installs the versions that
tests/golden/requirements.txt pins (several GB, once) and runs tests/golden/make.py with the
arguments. The tests themselves need none of this: what it writes is committed.",
    run: run_command,
};

fn run_command(flags: &mut Flags) -> Result<()> {
    let rest = flags.rest();
    models::fetch()?;
    let python = python()?;
    let golden = root().join("tests/golden");
    step("Running tests/golden/make.py");
    run(Process::new(&python).arg(golden.join("make.py")).args(rest).current_dir(root()))?;
    note(&format!("the references are in {}", golden.display()));
    Ok(())
}

/// Python with the versions that tests/golden/requirements.txt pins, installed where they are not yet.
pub fn python() -> Result<PathBuf> {
    let requirements = root().join("tests/golden/requirements.txt");
    let pins = std::fs::read(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let venv = scratch("golden-venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("installed-requirements");
    if !std::fs::read(&stamp).is_ok_and(|installed| installed == pins) {
        step(&format!("Installing the reference implementations into {}", venv.display()));
        run(setup::pip()?.python().args(["-m", "venv", "--clear"]).arg(&venv))?;
        let mut install = Process::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
        run(&mut install)?;
        std::fs::write(&stamp, pins)?;
    }
    Ok(python)
}
