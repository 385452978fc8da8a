//! Running other programs: announced, streamed, and with an error that names the command.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Prints a step: what happens now, and why.
pub fn step(text: &str) {
    eprintln!("\n▸ {text}");
}

/// Prints a remark that belongs to the step above.
pub fn note(text: &str) {
    eprintln!("  {text}");
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs the command with its output streamed through; an exit status other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let text = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{text}`"))?;
    if !status.success() {
        bail!("`{text}` failed ({status})");
    }
    Ok(())
}

/// Runs the command and returns what it wrote to standard output; its errors stream through.
pub fn capture(command: &mut Command) -> Result<String> {
    let text = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the command without showing anything; true when it exits with 0.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs the command for at most `limit`; the error carries the last line it wrote.
pub fn run_within(limit: Duration, command: &mut Command) -> Result<()> {
    let text = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{text}`"))?;
    let errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut errors) = errors {
            // A pipe that breaks leaves what was read so far, which is all that is wanted.
            let _ = errors.read_to_end(&mut said);
        }
        String::from_utf8_lossy(&said).into_owned()
    });
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let said = reader.join().unwrap_or_default();
            if status.success() {
                return Ok(());
            }
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            bail!("`{text}` failed ({status}): {}", last.unwrap_or("no message").trim());
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{text}` gave no result within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The full path of a program on the search path.
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program.as_ref())).find(|file| is_file(file))
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file())
}
