//! Names of what is written from a template.

use anyhow::{Result, ensure};

#[cfg(test)]
use crate::site::walk;
#[cfg(test)]
use crate::workspace::{artefacts, root, scratch};

/// # Errors
/// If the name is not in snake case.
pub fn check(name: &str, example: &str) -> Result<()> {
    let is_snake = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.ends_with('_')
        && !name.contains("__");
    ensure!(is_snake, "`{name}` is not in snake case, such as {example}");
    Ok(())
}

/// `group_norm` as `GroupNorm`.
pub fn camel_case(name: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    name.split('_').map(capitalised).collect()
}

/// A copy of some crates as a workspace of their own, with what they include of assets/.
#[cfg(test)]
pub fn copy_of(crates: &[&str], name: &str) -> std::path::PathBuf {
    let copy = scratch(name);
    if copy.exists() {
        std::fs::remove_dir_all(&copy).unwrap();
    }
    for folder in crates.iter().chain(&["assets"]) {
        for (path, file) in walk(&root().join(folder)).unwrap() {
            if *folder == "assets" && path.starts_with("models/") {
                continue;
            }
            let to = copy.join(folder).join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(file, to).unwrap();
        }
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let alone: String = manifest
        .lines()
        .filter(|line| !line.starts_with("default-members"))
        .map(|line| match line.starts_with("members") {
            true => format!("members = {crates:?}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    std::fs::write(copy.join("Cargo.toml"), alone).unwrap();
    for file in ["Cargo.lock", "rustfmt.toml"] {
        std::fs::copy(root().join(file), copy.join(file)).unwrap();
    }
    copy
}

/// `cargo check` of a copy, with these arguments, says nothing.
#[cfg(test)]
pub fn check_compiles(copy: &std::path::Path, of: &[&str]) {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline"])
        .args(of)
        // The dependencies are compiled there already.
        .env("CARGO_TARGET_DIR", artefacts(""))
        .current_dir(copy)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_snake_case() {
        assert_eq!(camel_case("group_norm"), "GroupNorm");
        assert_eq!(camel_case("rope2"), "Rope2");
        assert!(check("rope2", "group_norm").is_ok());
        for bad in ["", "GroupNorm", "group-norm", "../x", "_a", "a_", "a__b", "2d"] {
            assert!(check(bad, "group_norm").is_err(), "{bad}");
        }
    }
}
