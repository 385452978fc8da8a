//! The walls between the crates, read from `cargo metadata` and from the sources themselves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// Names of the direct normal dependencies of a workspace crate.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|p| p["name"] == package).expect("a workspace crate");
    package["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect()
}

/// All Rust sources below a folder of the workspace.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

/// Fails if a source below `folder` has one of `words` in a line that is no comment.
fn forbid(folder: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        for (line_idx, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in words {
                assert!(!line.contains(word), "{}:{}: {word}", path.display(), line_idx + 1);
            }
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    let ours = |name: &str| -> BTreeSet<String> {
        dependencies(name)
            .into_iter()
            .filter(|d| d.starts_with("vitrine-") || d == "xtask")
            .collect()
    };
    assert_eq!(ours("vitrine-kernels"), BTreeSet::new());
    assert_eq!(ours("vitrine-models"), BTreeSet::from(["vitrine-kernels".to_owned()]));
    assert_eq!(ours("xtask"), BTreeSet::new());
    assert!(!ours("vitrine-app").contains("vitrine-tests"));
}

#[test]
fn models_know_no_gpu_and_no_page() {
    let forbidden = ["wgpu", "web-sys", "js-sys", "leptos", "wasm-bindgen"];
    let found = dependencies("vitrine-models");
    assert!(forbidden.iter().all(|name| !found.contains(*name)), "{found:?}");
    forbid("models/src", &["wgpu::", "web_sys", "js_sys", "leptos", "wasm_bindgen"]);
}

#[test]
fn kernels_know_no_layers_and_no_tokens() {
    forbid("kernels/src", &["n_layers", "layer_idx", "n_tokens", "token_id", "leptos"]);
}

#[test]
fn ops_describe_dispatches_without_wgpu() {
    forbid("kernels/src/ops", &["wgpu::"]);
}

#[test]
fn the_page_reaches_kernels_through_models_and_draw_only() {
    for (path, text) in sources("app/src") {
        let in_worker = path.components().any(|part| part.as_os_str() == "worker")
            || path.ends_with("bin/engine.rs");
        if !in_worker {
            assert!(!text.contains("vitrine_kernels::"), "{} uses kernels", path.display());
        }
    }
}

#[test]
fn views_put_model_text_on_the_page_as_text_nodes_only() {
    forbid("app/src", &["inner_html", "set_inner_html", "set_outer_html", "insert_adjacent_html"]);
}

/// A table of what is tried where is no use once the names in it are old.
#[test]
fn every_test_that_the_list_of_faults_names_is_there() {
    let list = std::fs::read_to_string(root().join("docs/faults.md")).expect("the list");
    let folders = ["kernels/src", "models/src", "models/tests", "app/src", "tests"];
    let rust: String = folders.into_iter().flat_map(sources).map(|(_, text)| text).collect();
    let mut n_found = 0;
    for name in list.split('`').skip(1).step_by(2) {
        if let Some((group, case)) = name.split_once('/') {
            let cases = root().join(format!("tests/web/cases/{group}.mjs"));
            let Ok(cases) = std::fs::read_to_string(cases) else { continue };
            let is_there = case == "*" || cases.contains(&format!("\"{case}\""));
            assert!(is_there, "{name}");
            n_found += 1;
        } else if name.contains('_') && !name.contains(' ') {
            assert!(rust.contains(&format!("fn {name}(")), "{name}");
            n_found += 1;
        }
    }
    assert!(n_found > 80, "{n_found}");
}
