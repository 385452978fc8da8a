//! `cargo xtask serve`: from a fresh clone to the page in the browser with one command.

use std::path::Path;
use std::process::{Command as Process, Stdio};

use anyhow::{Context, Result};

use crate::commands::{Command, Flags};
use crate::process::{find, note, step};
use crate::server::Server;
use crate::workspace::scratch;
use crate::{models, site, wasm};

/// The port that is tried first when none is asked for.
const PORT: u16 = 8080;

/// `cargo xtask serve`.
pub const COMMAND: Command = Command {
    name: "serve",
    summary: "Build the page, fetch its models, serve both here, open the browser.",
    help: "Usage: cargo xtask serve [--port N] [--host ADDRESS] [--no-open] [--fast | --release]

Installs what is missing, fetches the models, builds the page and serves it until Ctrl-C.

  --port N        port to listen on; 0 takes any free one (default: 8080, or any free one)
  --host ADDRESS  address to listen on (default: 127.0.0.1, this machine only). Browsers offer
                  WebGPU to https and localhost only: other machines get the CPU engine
  --no-open       do not open a browser
  --release       all of it as visitors get it: smaller, and takes longer to compile
  --fast          compiles sooner, without relaxed SIMD: for work on the page",
    run: run_command,
};

fn run_command(flags: &mut Flags) -> Result<()> {
    let port = flags.value("--port")?;
    let port = port
        .map(|text| text.parse::<u16>().with_context(|| format!("`{text}` is no port number")))
        .transpose()?;
    let host = flags.value("--host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let no_open = flags.switch("--no-open");
    let fast = flags.switch("--fast");
    let release = flags.switch("--release");
    flags.finish()?;
    let effort = match (fast, release) {
        (_, true) => wasm::Effort::Release,
        (true, false) => wasm::Effort::Fast,
        (false, false) => wasm::Effort::Local,
    };

    if let Err(err) = models::fetch() {
        note(&format!("going on without the models that are missing: {err:#}"));
    }
    let out = scratch("site");
    build(effort, &out)?;
    let server = match port {
        Some(port) => Server::bind(&host, port, &out)?,
        None => Server::bind(&host, PORT, &out).or_else(|_| Server::bind(&host, 0, &out))?,
    };
    let address = format!("http://{}/", server.address()?);
    println!("\nVitrine is at {address}\nCtrl-C stops it.");
    if !no_open {
        open_browser(&address);
    }
    server.run()
}

/// Builds the site as `serve` shows it: plain file names, no service worker.
fn build(effort: wasm::Effort, out: &Path) -> Result<()> {
    let modules = scratch("modules");
    wasm::build(effort, &modules)?;
    step("Putting the site together");
    site::write(&site::collect(&modules)?, out)?;
    models::publish(out, true)
}

fn open_browser(address: &str) {
    let has_screen =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let opener = match cfg!(target_os = "macos") {
        true => find("open"),
        false => find("xdg-open").filter(|_| has_screen),
    };
    let Some(opener) = opener else { return };
    let spawned = Process::new(opener)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(err) = spawned {
        note(&format!("the browser could not be opened: {err}"));
    }
}
