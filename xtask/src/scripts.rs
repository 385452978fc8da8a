//! Shrinks the scripts of a site with terser, which comes with npm.

use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{note, run, step};
use crate::site::Files;
use crate::workspace::{root, scratch};

/// The service worker has places that are filled in later, and nobody waits for it.
const LEFT_ALONE: &str = "sw.js";

/// How: arrows take fewer bytes, and no function of these knows `this`.
const HOW: &[&str] = &[
    "--module",
    "--ecma",
    "2022",
    "--compress",
    "passes=3,unsafe_arrows,keep_fargs=false",
    "--mangle",
];

/// Gives every script short names and leaves out what says nothing to a browser.
///
/// # Errors
/// If terser refuses a script.
pub fn shrink(files: &mut Files) -> Result<()> {
    let terser = root().join("tests/web/node_modules/terser/bin/terser");
    if !terser.exists() {
        note("scripts stay as they are: there is no terser (node and `npm ci` would bring it)");
        return Ok(());
    }
    step("Shrinking the scripts with terser");
    let folder = scratch("scripts");
    std::fs::create_dir_all(&folder)?;
    let (long, short) = (folder.join("long.js"), folder.join("short.js"));
    let is_meant = |path: &str| path.ends_with(".js") && path != LEFT_ALONE;
    for (path, bytes) in files.iter_mut().filter(|(path, _)| is_meant(path)) {
        std::fs::write(&long, &bytes)?;
        let mut command = Command::new("node");
        command.arg(&terser).arg(&long).args(HOW).arg("--output").arg(&short);
        run(&mut command).with_context(|| format!("{path} cannot be shrunk"))?;
        *bytes = std::fs::read(&short)?;
    }
    Ok(())
}
