//! `cargo xtask new-room NUMBER NAME`: a room of the reading list that opens, steps and is tested, to go on from.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use anyhow::{Context, Result, bail, ensure};

use crate::commands::{Command, Flags};
use crate::names;
use crate::process::{note, run, step};
use crate::workspace::root;

/// `cargo xtask new-room`.
pub const COMMAND: Command = Command {
    name: "new-room",
    summary: "Write the files of a new room and its lines in the lists.",
    help: "Usage: cargo xtask new-room NUMBER NAME

NUMBER is the room's place in the reading list, NAME its module in snake case, such as
5 scaling_laws. Writes
  app/src/rooms/NAME/mod.rs      knobs, machine, invariants, question
  assets/rooms/NN.xhtml          the words, with places for these
  tests/web/cases/NAME.mjs       its tests in a real browser
and the room's lines in app/src/rooms/mod.rs and assets/boot.js. What it writes works (it shows
one head of the loaded model): change it from there. What a room computes for its claims goes into
models/src/claims/NAME; ARCHITECTURE.md says what else that needs.",
    run: run_command,
};

const MODULE: &str = include_str!("../templates/room/mod.rs");
const WORDS: &str = include_str!("../templates/room/room.xhtml");
const CASES: &str = include_str!("../templates/room/cases.mjs");

/// Rooms of the reading list.
const N_ROOMS: u8 = 22;

fn run_command(flags: &mut Flags) -> Result<()> {
    let given = flags.rest();
    let [number, name] = given.as_slice() else {
        bail!("give a number and a name in snake case: `cargo xtask new-room 5 scaling_laws`");
    };
    let number: u8 = number
        .parse()
        .ok()
        .filter(|number| (1..=N_ROOMS).contains(number))
        .with_context(|| format!("`{number}` is not a room's number, 1 to {N_ROOMS}"))?;
    step(&format!("Writing Room {number:02}, `{name}`"));
    write(root(), number, name)?;
    run(Process::new("cargo").args(["fmt", "--package", "vitrine-app"]).current_dir(root()))?;
    note(&format!(
        "app/src/rooms/{name}, assets/rooms/{number:02}.xhtml and tests/web/cases/{name}.mjs are there"
    ));
    note(&format!("try `cargo xtask serve` at #p=room-{number:02}, then make it what you need"));
    Ok(())
}

/// Writes the room into the checkout at `root`, all of it or nothing.
fn write(root: &Path, number: u8, name: &str) -> Result<()> {
    names::check(name, "scaling_laws")?;
    let module = root.join("app/src/rooms").join(name);
    let words = root.join(format!("assets/rooms/{number:02}.xhtml"));
    let cases = root.join(format!("tests/web/cases/{name}.mjs"));
    for path in [&module, &words, &cases] {
        ensure!(!path.exists(), "{} is there already", path.display());
    }
    let (list, door) = (root.join("app/src/rooms/mod.rs"), root.join("assets/boot.js"));
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let is_later = |other: &str| {
        Ok(number_of(&root.join("app/src/rooms").join(other).join("mod.rs"))? > number)
    };
    let listed = with_lines(&read(&list)?, name, is_later)?;
    let known = with_words(&read(&door)?, number)?;
    fs::create_dir_all(&module)?;
    fs::write(module.join("mod.rs"), filled_in(MODULE, number, name))?;
    fs::write(words, WORDS)?;
    fs::write(cases, filled_in(CASES, number, name))?;
    fs::write(list, listed)?;
    fs::write(door, known)?;
    Ok(())
}

fn filled_in(template: &str, number: u8, name: &str) -> String {
    template
        .replace("ROOM_NUMBER", &number.to_string())
        .replace("ROOM_FILE", &format!("{number:02}"))
        .replace("ROOM_WORD", &name.replace('_', "-"))
}

/// The list of rooms with one more module, and with one more that is open, before those of later numbers.
fn with_lines(list: &str, name: &str, is_later: impl Fn(&str) -> Result<bool>) -> Result<String> {
    let modules = list.find("\nmod ").context("rooms/mod.rs has no `mod`")?;
    let lists = list.find("\npub const OPEN").context("rooms/mod.rs has no `OPEN`")?;
    let start = lists + list[lists..].find(" =").context("`OPEN` has no `=`")?;
    let start = start + list[start..].find("&[").context("`OPEN` has no `&[`")? + 2;
    let end = start + list[start..].find(']').context("`OPEN` has no end")?;
    let entries = list[start..end].split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for entry in entries {
        let module = entry.trim_start_matches('&').trim_end_matches("::ROOM");
        if is_later(module)? { after.push(entry) } else { before.push(entry) }
    }
    let own = format!("&{name}::ROOM");
    let all = [before, vec![&own], after].concat().join(", ");
    Ok(format!("{}\nmod {name};{}{all}{}", &list[..modules], &list[modules..start], &list[end..]))
}

/// The number that a room's module says is its own.
fn number_of(module: &Path) -> Result<u8> {
    let text =
        fs::read_to_string(module).with_context(|| format!("cannot read {}", module.display()))?;
    let number =
        text.split("number: ").nth(1).and_then(|rest| rest.split(',').next()?.trim().parse().ok());
    number.with_context(|| format!("{} has no `number: `", module.display()))
}

/// The door's script with the address of the room's words.
fn with_words(script: &str, number: u8) -> Result<String> {
    let is_earlier = |line: &&str| {
        let number_of = |line: &str| line.trim().strip_prefix("\"room-")?.get(..2)?.parse().ok();
        number_of(line).is_some_and(|known: u8| known < number)
    };
    let line = format!("  \"room-{number:02}\": here(\"./assets/rooms/{number:02}.xhtml\"),\n");
    let start = "const words = {\n";
    let at = match script.split_inclusive('\n').rfind(is_earlier) {
        Some(last) => script.find(last).map(|at| at + last.len()),
        None => script.find(start).map(|at| at + start.len()),
    };
    let at = at.context("boot.js has no list of words")?;
    Ok(format!("{}{line}{}", &script[..at], &script[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_to_the_lists() {
        let list = "//! x\n\nmod align;\nmod norms;\n\npub const OPEN: &[&Open] =\n    &[&align::ROOM, &norms::ROOM];\n";
        let of = |later: &str| with_lines(list, "scaling_laws", |other| Ok(other == later));
        let listed = of("flash").unwrap();
        assert!(listed.contains("\nmod scaling_laws;\nmod align;"), "{listed}");
        assert!(
            listed.contains("    &[&align::ROOM, &norms::ROOM, &scaling_laws::ROOM];"),
            "{listed}"
        );
        let listed = of("norms").unwrap();
        assert!(listed.contains("&[&align::ROOM, &scaling_laws::ROOM, &norms::ROOM];"), "{listed}");
        assert!(with_lines("mod a;", "b", |_| Ok(false)).is_err());
        let script = "const words = {\n  \"room-04\": here(\"./assets/rooms/04.xhtml\"),\n  \"room-10\": here(\"./assets/rooms/10.xhtml\"),\n};\n";
        let numbers = |number| -> Vec<String> {
            let script = with_words(script, number).unwrap();
            let rooms = script.lines().filter_map(|line| line.trim().strip_prefix("\"room-"));
            rooms.map(|line| line[..2].to_owned()).collect()
        };
        assert_eq!(numbers(5), ["04", "05", "10"]);
        assert_eq!(numbers(1), ["01", "04", "10"]);
        assert_eq!(numbers(22), ["04", "10", "22"]);
        assert!(with_words("", 5).is_err());
    }

    /// That it also works is tried by `cases.mjs` of the template, where a room is written.
    #[test]
    fn what_is_written_compiles() {
        let copy = names::copy_of(&["kernels", "models", "app"], "test-new-room");
        std::fs::create_dir_all(copy.join("tests/web/cases")).unwrap();
        write(&copy, 5, "scaling_laws").unwrap();
        assert!(write(&copy, 5, "scaling_laws").is_err(), "written twice");
        let list = std::fs::read_to_string(copy.join("app/src/rooms/mod.rs")).unwrap();
        assert!(list.contains("&fast_weights::ROOM, &scaling_laws::ROOM, &flash::ROOM"), "{list}");
        names::check_compiles(&copy, &["--lib", "--package", "vitrine-app"]);
    }

    #[test]
    fn nothing_is_left_to_fill_in_and_nothing_is_overwritten() {
        for template in [MODULE, WORDS, CASES] {
            assert!(!filled_in(template, 5, "scaling_laws").contains("ROOM_"));
        }
        let said = write(root(), 3, "another").unwrap_err().to_string();
        assert!(said.contains("03.xhtml is there already"), "{said}");
        assert!(write(root(), 5, "Scaling").is_err());
    }
}
