//! The list of commands, whose order is the order in `--help`, and the flags they share.

use anyhow::{Result, bail};

/// One command of `cargo xtask`.
pub struct Command {
    /// What is typed after `cargo xtask`.
    pub name: &'static str,
    /// One line for the list of commands.
    pub summary: &'static str,
    /// Usage, flags and what happens.
    pub help: &'static str,
    /// Does the work; receives what was typed after the name.
    pub run: fn(&mut Flags) -> Result<()>,
}

/// All commands, in display order.
const COMMANDS: &[Command] = &[
    crate::serve::COMMAND,
    crate::dist::COMMAND,
    crate::test::COMMAND,
    crate::bench::COMMAND,
    crate::golden::COMMAND,
    crate::models::COMMAND,
    crate::setup::COMMAND,
    crate::new_op::COMMAND,
    crate::new_room::COMMAND,
];

/// Runs the command that `args` names, or prints help.
pub fn run(args: &[String]) -> Result<()> {
    let Some((name, rest)) = args.split_first() else {
        print_overview();
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        match rest.first().and_then(|name| find(name)) {
            Some(command) => print_command(command),
            None => print_overview(),
        }
        return Ok(());
    }
    let Some(command) = find(name) else {
        let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        bail!("there is no command `{name}`; there are: {}", names.join(", "));
    };
    if rest.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h") {
        print_command(command);
        return Ok(());
    }
    (command.run)(&mut Flags { command: command.name, args: rest.to_vec() })
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

fn print_overview() {
    println!("Vitrine: the one door to building, serving and testing it.\n");
    println!("Usage: cargo xtask COMMAND [FLAGS]\n");
    for command in COMMANDS {
        println!("  {:<8} {}", command.name, command.summary);
    }
    println!("\n`cargo xtask COMMAND --help` says more. Start with `cargo xtask serve`.");
}

fn print_command(command: &Command) {
    println!("{}\n\n{}", command.summary, command.help.trim_end());
}

/// What was typed after a command's name; flags are taken out one by one, and what is
/// left over at the end is an error.
pub struct Flags {
    command: &'static str,
    args: Vec<String>,
}

impl Flags {
    /// Takes the switch `name` (such as `--json`) if it is there.
    pub fn switch(&mut self, name: &str) -> bool {
        match self.args.iter().position(|arg| arg == name) {
            Some(idx) => {
                self.args.remove(idx);
                true
            }
            None => false,
        }
    }

    /// Takes `name VALUE` or `name=VALUE` if it is there.
    pub fn value(&mut self, name: &str) -> Result<Option<String>> {
        let with_equals = format!("{name}=");
        if let Some(idx) = self.args.iter().position(|arg| arg.starts_with(&with_equals)) {
            return Ok(Some(self.args.remove(idx)[with_equals.len()..].to_owned()));
        }
        let Some(idx) = self.args.iter().position(|arg| arg == name) else {
            return Ok(None);
        };
        self.args.remove(idx);
        if idx == self.args.len() || self.args[idx].starts_with("--") {
            bail!("`{name}` needs a value; see `cargo xtask {} --help`", self.command);
        }
        Ok(Some(self.args.remove(idx)))
    }

    /// Takes everything that is left, to hand it on to another program.
    pub fn rest(&mut self) -> Vec<String> {
        let mut rest = std::mem::take(&mut self.args);
        rest.retain(|arg| arg != "--");
        rest
    }

    /// Ends the reading: an error when something was not understood.
    pub fn finish(&self) -> Result<()> {
        match self.args.first() {
            None => Ok(()),
            Some(arg) => {
                bail!("`{arg}` is not understood; see `cargo xtask {} --help`", self.command)
            }
        }
    }
}
