//! Counts tests by what the runners print: nothing is counted that did not say it ran.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process::{note, shown, step};

/// How many tests passed and failed, in one stage or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that ran and held.
    pub passed: u64,
    /// Tests that did not, or that were skipped where nothing may be.
    pub failed: u64,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads a runner's output line by line.
pub type Reader = fn(&str) -> Option<Count>;

/// `test result: ok. 12 passed; 0 failed; 0 ignored; …` of each test binary. An ignored test
/// counts as failed: this project has none.
pub fn from_cargo(line: &str) -> Option<Count> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        let part = counts.split("; ").find(|part| part.ends_with(what))?;
        part.trim_end_matches(what).trim().parse::<u64>().ok()
    };
    let failed = number(" failed")? + number(" ignored").unwrap_or(0);
    Some(Count { passed: number(" passed")?, failed })
}

/// `12 passed, 0 failed` alone on a line.
pub fn from_plain(line: &str) -> Option<Count> {
    let (passed, failed) = line.trim().split_once(", ")?;
    Some(Count {
        passed: passed.strip_suffix(" passed")?.parse().ok()?,
        failed: failed.strip_suffix(" failed")?.parse().ok()?,
    })
}

/// The sum over all stages.
#[derive(Default)]
pub struct Tally {
    total: Count,
    faults: Vec<String>,
}

impl Tally {
    /// Does one thing that holds or does not, and counts it as one test.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        step(name);
        let started = Instant::now();
        let outcome = check();
        let seconds = started.elapsed().as_secs();
        match outcome {
            Ok(()) => {
                self.total.passed += 1;
                note(&format!("ok: {name} ({seconds} s)"));
            }
            Err(err) => self.fail(name, format!("{err:#}")),
        }
    }

    /// Runs a test runner, shows its output as it comes and counts what it says.
    pub fn run(&mut self, name: &str, command: &mut Command, read: Reader) {
        step(name);
        let started = Instant::now();
        match run_counted(command, read) {
            Err(err) => self.fail(name, format!("{err:#}")),
            Ok((count, ended_well)) => {
                self.total += count;
                let seconds = started.elapsed().as_secs();
                note(&format!(
                    "{name}: {} passed, {} failed ({seconds} s)",
                    count.passed, count.failed
                ));
                if count == Count::default() {
                    self.fail(name, "no test ran".to_owned());
                } else if count.failed > 0 {
                    self.faults.push(format!("{name}: {} failed", count.failed));
                } else if !ended_well {
                    self.fail(name, "the runner failed although no test did".to_owned());
                }
            }
        }
    }

    /// Counts a failure that no runner reports.
    pub fn fail(&mut self, name: &str, why: String) {
        self.total.failed += 1;
        note(&format!("failed: {name}: {why}"));
        self.faults.push(format!("{name}: {why}"));
    }

    /// Prints what failed and, as the last line, the sum; true when all is well.
    pub fn close(&self) -> bool {
        if !self.faults.is_empty() {
            println!("\nWhat failed:");
            for fault in &self.faults {
                println!("  {fault}");
            }
        }
        println!("\n{} passed, {} failed", self.total.passed, self.total.failed);
        self.total.failed == 0 && self.total.passed > 0
    }
}

fn run_counted(command: &mut Command, read: Reader) -> Result<(Count, bool)> {
    let text = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{text}`"))?;
    let output = child.stdout.take().context("the runner has no output")?;
    let mut count = Count::default();
    let mut shown = std::io::stdout();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if let Some(read) = read(&line) {
            count += read;
        }
        // The last line of all output is this program's sum; a stage's own is indented.
        let indent = if from_plain(&line).is_some() { "  " } else { "" };
        writeln!(shown, "{indent}{line}")?;
    }
    Ok((count, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_lines() {
        let line = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; \
                    finished in 0.01s";
        assert_eq!(from_cargo(line), Some(Count { passed: 12, failed: 0 }));
        let line = "test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured";
        assert_eq!(from_cargo(line), Some(Count { passed: 2, failed: 5 }));
        assert_eq!(from_cargo("test ops::add ... ok"), None);
        assert_eq!(from_cargo("test result: ok."), None);
    }

    #[test]
    fn plain_lines() {
        assert_eq!(from_plain("7 passed, 2 failed"), Some(Count { passed: 7, failed: 2 }));
        assert_eq!(from_plain("ok name: 7 passed, 2 failed"), None);
        assert_eq!(from_plain("7 passed"), None);
    }

    fn tally_of(script: &str) -> Tally {
        let mut tally = Tally::default();
        tally.run("stage", Command::new("sh").args(["-c", script]), from_plain);
        tally
    }

    #[test]
    fn a_stage_counts_what_it_says() {
        let tally = tally_of("echo '3 passed, 0 failed'");
        assert_eq!(tally.total, Count { passed: 3, failed: 0 });
        assert!(tally.close());
    }

    #[test]
    fn what_did_not_run_fails() {
        assert!(!Tally::default().close());
        assert!(!tally_of("true").close());
        assert!(!tally_of("echo '0 passed, 0 failed'").close());
        assert!(!tally_of("echo '3 passed, 0 failed'; exit 1").close());
        assert!(!tally_of("echo '3 passed, 1 failed'; exit 1").close());
        let mut tally = Tally::default();
        tally.run("stage", &mut Command::new("no-such-program"), from_plain);
        assert!(!tally.close());
    }
}
