//! Where things are: the checkout, and the folders that builds write to.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// What xtask itself leaves behind: served sites, decisions, downloads. It stays inside the
/// checkout even when compiled artefacts go elsewhere, so that two checkouts with a shared
/// `CARGO_TARGET_DIR` do not overwrite each other's sites.
pub fn scratch(name: &str) -> PathBuf {
    root().join("target").join("xtask").join(name)
}

/// Where compilers put their artefacts. The web builds get folders of their own below it,
/// since another rustc, another std or other flags may make them.
pub fn artefacts(name: &str) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir).join(name),
        None => root().join("target").join(name),
    }
}

/// True under continuous integration: nothing may wait for a person.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}
