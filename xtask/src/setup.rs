//! Installs what a command needs and this machine lacks: by rustup, apt and npm, through
//! their ordinary clients, once. Each part can be asked for by itself.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use crate::commands::{Command, Flags};
use crate::process::{capture, find, note, run, shown, step, succeeds};
use crate::toolchain::Toolchain;
use crate::workspace::root;

/// `cargo xtask setup`.
pub const COMMAND: Command = Command {
    name: "setup",
    summary: "Install what building and testing need and this machine lacks.",
    help: "Usage: cargo xtask setup [PART…]

Parts; all of them when none is named:
  wasm      a compiler for the web: rustup's target where rustup can fetch it, else
            Debian's rustc-web with the standard library built from source
            (VITRINE_WASM=rustup or =debian decides without trying)
  browser   Chromium, for the tests in a real browser
  vulkan    Mesa's software Vulkan driver, for GPU tests without a GPU
  node      node, npm and the packages of tests/web
  pip       pip and venv, to fetch models and reference implementations

Every other command asks for its own parts by itself, so this is seldom typed. System
packages are installed with apt-get, through sudo where you are not root.",
    run: run_command,
};

type Install = fn() -> Result<()>;

/// The parts of the set-up, by the name typed for each.
const PARTS: &[(&str, Install)] = &[
    ("wasm", wasm),
    ("browser", browser),
    ("vulkan", vulkan),
    ("node", node),
    ("pip", || pip().map(|_| ())),
];

fn run_command(flags: &mut Flags) -> Result<()> {
    let asked: Vec<_> = PARTS.iter().filter(|(name, _)| flags.switch(name)).collect();
    flags.finish()?;
    let parts = if asked.is_empty() { PARTS.iter().collect() } else { asked };
    for (name, install) in parts {
        install()?;
        note(&format!("{name}: ready"));
    }
    Ok(())
}

fn wasm() -> Result<()> {
    Toolchain::ready().map(|_| ())
}

/// Chromium, for the tests in a real browser.
pub fn browser() -> Result<()> {
    if chromium().is_none() {
        apt_install(&["chromium"], "to test in a real browser")?;
    }
    chromium().map(|_| ()).context("chromium was installed, yet is not on the path")
}

/// The browser that tests drive: `CHROMIUM` where it is set.
pub fn chromium() -> Option<PathBuf> {
    match std::env::var_os("CHROMIUM") {
        Some(path) => Some(PathBuf::from(path)),
        None => ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find),
    }
}

/// Mesa's software Vulkan driver and the Vulkan loader.
pub fn vulkan() -> Result<()> {
    let loader = Path::new("/usr/lib/x86_64-linux-gnu/libvulkan.so.1").exists()
        || Path::new("/usr/lib/aarch64-linux-gnu/libvulkan.so.1").exists();
    if lavapipe().is_none() || !loader {
        apt_install(&["mesa-vulkan-drivers", "libvulkan1"], "to test GPU code without a GPU")?;
    }
    lavapipe().map(|_| ()).context("Mesa's driver was installed, yet lvp_icd is not there")
}

/// The description of Mesa's software driver, which Vulkan's loader is told to take.
pub fn lavapipe() -> Option<PathBuf> {
    let folder = std::fs::read_dir("/usr/share/vulkan/icd.d").ok()?;
    folder
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp")))
}

/// Node, npm and the packages of tests/web, at the versions of its lock file.
pub fn node() -> Result<()> {
    if find("node").is_none() || find("npm").is_none() {
        apt_install(&["nodejs", "npm"], "to run the browser tests")?;
    }
    let dir = root().join("tests/web");
    let lock = std::fs::read(dir.join("package-lock.json"))
        .context("tests/web/package-lock.json is missing; it belongs to the checkout")?;
    let stamp = dir.join("node_modules/.installed-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step("Installing the node packages of tests/web");
    let mut npm = Process::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&dir);
    run(&mut npm).context("npm could not install them; is a package registry reachable?")?;
    std::fs::write(&stamp, lock)?;
    Ok(())
}

/// A Python with pip.
pub struct Pip {
    python: PathBuf,
}

impl Pip {
    /// `python -m pip`, ready for a verb.
    pub fn command(&self) -> Process {
        let mut command = Process::new(&self.python);
        command.args(["-m", "pip"]);
        command
    }

    /// The interpreter itself.
    pub fn python(&self) -> Process {
        Process::new(&self.python)
    }
}

/// Finds or installs a Python 3 with pip and venv.
pub fn pip() -> Result<Pip> {
    let usable =
        |python: &Path| succeeds(Process::new(python).args(["-c", "import pip, venv, ensurepip"]));
    let on_path = || find("python3").filter(|python| usable(python));
    let debian = || Some(PathBuf::from("/usr/bin/python3")).filter(|python| usable(python));
    if let Some(python) = on_path().or_else(debian) {
        return Ok(Pip { python });
    }
    apt_install(&["python3", "python3-pip", "python3-venv"], "to fetch models with pip")?;
    let python = on_path().or_else(debian);
    Ok(Pip { python: python.context("python3-pip was installed, yet python3 has no pip")? })
}

/// Installs Debian packages; the lists are updated once, before the first installation.
pub fn apt_install(packages: &[&str], why: &str) -> Result<()> {
    static UPDATED: OnceLock<bool> = OnceLock::new();
    let wanted = packages.join(" ");
    let by_hand = format!("install {wanted} by hand ({why}) and try again");
    step(&format!("Installing {wanted}, {why}"));
    if find("apt-get").is_none() {
        bail!("this system has no apt-get: {by_hand}");
    }
    if !*UPDATED.get_or_init(|| run(&mut as_root(&["apt-get", "update", "-qq"])).is_ok()) {
        note("the package lists could not be updated; trying with those that are there");
    }
    let mut arguments = vec!["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    let mut command = as_root(&arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut command).with_context(|| format!("apt-get could not: {by_hand}"))
}

fn as_root(words: &[&str]) -> Process {
    let is_root = capture(Process::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let (program, arguments) = match (is_root, find("sudo")) {
        (false, Some(sudo)) => (sudo, words),
        _ => (PathBuf::from(words[0]), &words[1..]),
    };
    let mut command = Process::new(program);
    command.args(arguments);
    if !is_root {
        note(&format!("running `{}`", shown(&command)));
    }
    command
}
