//! Which compiler makes WebAssembly here: rustup's target where it is installed or can be
//! fetched, else Debian's rustc with the standard library built from source. `dist` builds that
//! library either way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{capture, find, note, run_within, step, succeeds};
use crate::setup::apt_install;
use crate::workspace::scratch;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, its standard library's sources and the linker it needs.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// What makes cargo build the standard library.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

/// A way to compile for the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The rustc on the path has the target's standard library.
    Rustup,
    /// Debian's rustc, which builds the standard library from its sources.
    Debian,
}

impl Toolchain {
    /// The way that works here, installing it when it is missing. `VITRINE_WASM` set to
    /// `rustup` or `debian` decides without trying; otherwise the decision is kept in
    /// `target/xtask/wasm-toolchain`.
    pub fn ready() -> Result<Self> {
        if let Ok(name) = std::env::var("VITRINE_WASM") {
            let asked = Self::from_name(&name)
                .with_context(|| format!("VITRINE_WASM is `{name}`; use `rustup` or `debian`"))?;
            asked.install()?;
            return Ok(asked);
        }
        let kept = scratch("wasm-toolchain");
        if let Some(kept) = std::fs::read_to_string(&kept).ok().as_deref().and_then(Self::from_name)
            && kept.is_installed()
        {
            return Ok(kept);
        }
        let found = Self::choose()?;
        std::fs::create_dir_all(scratch(""))?;
        std::fs::write(&kept, found.name())?;
        Ok(found)
    }

    fn choose() -> Result<Self> {
        step("Looking for a compiler that makes WebAssembly");
        if Self::Rustup.is_installed() {
            note(&format!("taking the {TARGET} target that is installed already"));
            return Ok(Self::Rustup);
        }
        let refused = match Self::Rustup.install() {
            Ok(()) => {
                note(&format!("taking rustup's {TARGET} target, installed just now"));
                return Ok(Self::Rustup);
            }
            Err(err) => format!("{err:#}"),
        };
        note(&format!("rustup cannot: {refused}"));
        Self::Debian.install().with_context(|| {
            format!(
                "there is no way to compile for the web here. Either make \
                 `rustup target add {TARGET}` work ({refused}), or install Debian's packages {}",
                DEBIAN_PACKAGES.join(" ")
            )
        })?;
        note("taking Debian's rustc-web, which builds the standard library from source");
        Ok(Self::Debian)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Rustup, Self::Debian].into_iter().find(|way| way.name() == name.trim())
    }

    fn is_installed(self) -> bool {
        match self {
            Self::Rustup => {
                let mut rustc = Command::new("rustc");
                rustc.args(["--print", "target-libdir", "--target", TARGET]);
                capture(&mut rustc).is_ok_and(|dir| Path::new(dir.trim()).is_dir())
            }
            Self::Debian => {
                let library = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
                let files = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-22", library];
                files.iter().all(|file| Path::new(file).exists()) && debian_sources_match()
            }
        }
    }

    fn install(self) -> Result<()> {
        if self.is_installed() {
            return Ok(());
        }
        match self {
            Self::Rustup => {
                if find("rustup").is_none() {
                    bail!("rustup is not installed");
                }
                let mut rustup = Command::new("rustup");
                rustup.args(["target", "add", TARGET]);
                run_within(Duration::from_secs(240), &mut rustup)?;
            }
            Self::Debian => apt_install(DEBIAN_PACKAGES, "to compile for the web")?,
        }
        if !self.is_installed() {
            bail!("the installation ended without an error, yet the compiler is not usable");
        }
        Ok(())
    }

    /// A cargo command that builds for the web with this toolchain into `target_dir`.
    pub fn cargo(self, target_dir: &Path, verb: &str) -> Command {
        let mut cargo = match self {
            Self::Rustup => Command::new("cargo"),
            Self::Debian => Command::new("/usr/bin/cargo"),
        };
        // What the outer `cargo xtask` set for its own compiler must not reach this one.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO", "RUSTC", "RUSTC_WRAPPER"] {
            cargo.env_remove(name);
        }
        cargo.current_dir(crate::workspace::root());
        cargo.arg(verb).args(["--target", TARGET]);
        cargo.env("CARGO_TARGET_DIR", target_dir);
        if self == Self::Debian {
            cargo.env_remove("RUSTUP_TOOLCHAIN");
            Self::allow_unstable(&mut cargo);
            cargo.env("RUSTC", "/usr/bin/rustc");
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22");
            cargo.arg(BUILD_STD);
        }
        cargo
    }

    /// Has the standard library built with what cargo builds, for size; the one that comes with the
    /// compiler is built for speed.
    pub fn build_std(self, cargo: &mut Command) {
        if self == Self::Rustup {
            if let Err(err) = add_sources() {
                note(&format!("taking the standard library as it comes, a little larger: {err:#}"));
                return;
            }
            cargo.arg(BUILD_STD);
        }
        cargo.arg("-Zbuild-std-features=optimize_for_size");
    }

    /// Lets compiler and cargo take what is not stable yet; the stable ones do so if told.
    pub fn allow_unstable(cargo: &mut Command) {
        cargo.env("RUSTC_BOOTSTRAP", "1");
    }

    /// Where the compiled modules of `profile` lie below the target directory.
    pub fn output(target_dir: &Path, profile: &str) -> std::path::PathBuf {
        target_dir.join(TARGET).join(profile)
    }

    /// True where this toolchain brings clippy for the web.
    pub fn has_clippy(self) -> bool {
        self == Self::Rustup && succeeds(Command::new("cargo").args(["clippy", "--version"]))
    }
}

/// The standard library's sources beside rustup's compiler, fetched where they are missing.
fn add_sources() -> Result<()> {
    let mut rustc = Command::new("rustc");
    let sysroot = capture(rustc.args(["--print", "sysroot"]))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !sources.exists() {
        if find("rustup").is_none() {
            bail!("its sources are not here, nor is rustup");
        }
        let mut rustup = Command::new("rustup");
        run_within(Duration::from_secs(240), rustup.args(["component", "add", "rust-src"]))?;
    }
    ensure!(sources.exists(), "rustup brought no {}", sources.display());
    Ok(())
}

/// Debian's plain `rustc` lies at the same path as `rustc-web`'s but is years older: its
/// sources are then absent or of another version.
fn debian_sources_match() -> bool {
    let mut rustc = Command::new("/usr/bin/rustc");
    rustc.args(["--print", "sysroot"]).env_remove("RUSTUP_TOOLCHAIN");
    capture(&mut rustc).is_ok_and(|root| {
        Path::new(root.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml").exists()
    })
}
