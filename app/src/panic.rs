//! A panic in words, for the page's fault panels.

use std::panic::PanicHookInfo;

/// What a panic says, and where it was: what `cargo xtask dist` compiles knows no places.
pub fn words(panic: &PanicHookInfo) -> String {
    let said = panic.payload_as_str().unwrap_or("a panic without words");
    match panic.location().filter(|at| at.line() > 0) {
        Some(at) => format!("{said} ({at})"),
        None => said.to_owned(),
    }
}
