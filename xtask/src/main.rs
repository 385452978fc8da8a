//! The one door to building, serving and testing Vitrine: `cargo xtask COMMAND`.
//!
//! Every command prints what it does and why, installs what it needs and nothing else,
//! and says what to do when something fails.

mod bench;
mod binary;
mod commands;
mod dist;
mod first_paint;
mod golden;
mod live;
mod models;
mod names;
mod new_op;
mod new_room;
mod objects;
mod outline;
mod process;
mod scripts;
mod serve;
mod server;
mod setup;
mod shorten;
mod site;
mod sizes;
mod split;
mod tally;
mod test;
mod toolchain;
mod tree;
mod unused;
mod wasm;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match commands::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("\nxtask: {err:#}");
            ExitCode::FAILURE
        }
    }
}
