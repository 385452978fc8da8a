//! `cargo xtask dist`: the folder that any static host can serve, under any sub-path.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::commands::{Command, Flags};
use crate::process::{note, step};
use crate::workspace::{root, scratch};
use crate::{models, scripts, setup, site, sizes, wasm};

/// `cargo xtask dist`.
pub const COMMAND: Command = Command {
    name: "dist",
    summary: "Make the static folder for a web host, small and checked.",
    help: "Usage: cargo xtask dist [--with-models | --without-models] [--out DIR] [--check-budget]

Builds the page for visitors into DIR (default: dist): optimised, shrunk with wasm-opt, files
named by their content, a service worker for use without a network. Copy the folder to any
static host, under any path.

  --with-models      put the fetched models into the folder (the default; about 190 MB)
  --without-models   leave them out; visitors can still open files or name a hub model
  --out DIR          where to
  --check-budget     build nothing; measure the folder that is there

Prints what a visitor downloads, file by file, and fails where it is over the budget: page
and engine, tokenizer, fonts, after brotli.",
    run: run_command,
};

fn run_command(flags: &mut Flags) -> Result<()> {
    let without = flags.switch("--without-models");
    if flags.switch("--with-models") && without {
        bail!("--with-models and --without-models exclude each other");
    }
    let check_only = flags.switch("--check-budget");
    let out = flags.value("--out")?.map_or_else(|| root().join("dist"), PathBuf::from);
    flags.finish()?;
    if check_only {
        return sizes::report(&out);
    }
    build(&out, !without)?;
    sizes::report(&out)?;
    println!("\nThe site is in {}", out.display());
    Ok(())
}

/// Builds the site for visitors into `out`.
pub fn build(out: &Path, with_models: bool) -> Result<()> {
    if let Err(err) = setup::node() {
        note(&format!("going on without node, so without wasm-opt: {err:#}"));
    }
    if let Err(err) = setup::browser() {
        note(&format!("going on without Chromium, so in one piece: {err:#}"));
    }
    if with_models {
        models::fetch()?;
    }
    let modules = scratch("modules-dist");
    wasm::build(wasm::Effort::Dist, &modules)?;
    step(&format!("Writing the site to {}", out.display()));
    let mut files = site::collect(&modules)?;
    site::slim(&mut files)?;
    scripts::shrink(&mut files)?;
    let (sealed, _) = site::seal(&files)?;
    site::write(&sealed, out)?;
    models::publish(out, with_models)
}
