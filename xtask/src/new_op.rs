//! `cargo xtask new-op NAME`: a room for an op, with everything that the catalogue asks of it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::commands::{Command, Flags};
use crate::names::{self, camel_case};
use crate::process::{note, step};
use crate::workspace::root;

/// `cargo xtask new-op`.
pub const COMMAND: Command = Command {
    name: "new-op",
    summary: "Write the files of a new op and its line in the catalogue.",
    help: "Usage: cargo xtask new-op NAME

NAME is in snake case, such as group_norm. Writes kernels/src/ops/NAME with
  mod.rs     parameters, shape rule, the recorder's method
  cpu.rs     the twin that runs on the CPU engine
  gpu.rs     which shader, with which constants
  NAME.wgsl  the shader
  tests.rs   one test body, run on every engine
and the op's line in kernels/src/ops/mod.rs. What it writes works (it squares its input) and
is tested with `cargo test -p vitrine-kernels NAME`: change it from there.",
    run: run_command,
};

/// The files of an op; `op.wgsl` gets the op's name.
const FILES: &[(&str, &str)] = &[
    ("mod.rs", include_str!("../templates/op/mod.rs")),
    ("cpu.rs", include_str!("../templates/op/cpu.rs")),
    ("gpu.rs", include_str!("../templates/op/gpu.rs")),
    ("op.wgsl", include_str!("../templates/op/op.wgsl")),
    ("tests.rs", include_str!("../templates/op/tests.rs")),
];

fn run_command(flags: &mut Flags) -> Result<()> {
    let names = flags.rest();
    let [name] = names.as_slice() else {
        bail!("give one name, in snake case: `cargo xtask new-op group_norm`");
    };
    step(&format!("Writing the op `{name}`"));
    write(&root().join("kernels"), name)?;
    note(&format!("kernels/src/ops/{name} is there, and its line in kernels/src/ops/mod.rs"));
    note(&format!("try `cargo test -p vitrine-kernels {name}`, then make it what you need"));
    Ok(())
}

/// Writes the op into the crate at `kernels`.
fn write(kernels: &Path, name: &str) -> Result<()> {
    names::check(name, "group_norm")?;
    let dir = kernels.join("src/ops").join(name);
    ensure!(!dir.exists(), "{} is there already", dir.display());
    let catalogue = kernels.join("src/ops/mod.rs");
    let text = std::fs::read_to_string(&catalogue)
        .with_context(|| format!("cannot read {}", catalogue.display()))?;
    let text = with_line(&text, name)?;
    std::fs::create_dir_all(&dir)?;
    for (file, template) in FILES {
        let file = if *file == "op.wgsl" { format!("{name}.wgsl") } else { (*file).to_owned() };
        std::fs::write(dir.join(file), filled_in(template, name))?;
    }
    std::fs::write(&catalogue, text)?;
    Ok(())
}

fn filled_in(template: &str, name: &str) -> String {
    template.replace("op_name", name).replace("OpName", &camel_case(name))
}

/// The catalogue with one more line at its end.
fn with_line(catalogue: &str, name: &str) -> Result<String> {
    let start = catalogue.find("\ncatalogue! {").context("ops/mod.rs has no `catalogue! {`")?;
    let end = catalogue[start..].find("\n}").context("the catalogue of ops/mod.rs has no end")?;
    let (before, after) = catalogue.split_at(start + end);
    let camel = camel_case(name);
    Ok(format!("{before}\n    /// Squares, until it is more.\n    {camel} in {name};{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_last() {
        let text = "macro\n\ncatalogue! {\n    /// A.\n    A in a;\n}\n\nfn after() {}\n";
        let text = with_line(text, "group_norm").unwrap();
        assert!(text.contains("    A in a;\n    /// Squares"), "{text}");
        assert!(text.contains("    GroupNorm in group_norm;\n}\n\nfn after"), "{text}");
        assert!(with_line("no catalogue", "group_norm").is_err());
    }

    /// The op's own test runs where the GPU tests run; that everything compiles is shown here, in
    /// a copy of the kernels.
    #[test]
    fn what_is_written_compiles() {
        let copy = names::copy_of(&["kernels"], "test-new-op");
        write(&copy.join("kernels"), "group_norm").unwrap();
        assert!(write(&copy.join("kernels"), "group_norm").is_err(), "written twice");
        names::check_compiles(&copy, &["--tests", "--package", "vitrine-kernels"]);
    }
}
