//! `gitledger completions`: what a shell needs to complete commands, operations, flags and choices.

use std::process::ExitCode;

use clap_complete::Shell;

use super::Finished;

/// Prints a script with which a shell completes commands, operations, flags and choices.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  source <(gitledger completions bash)\n  gitledger completions zsh > ~/.zfunc/_gitledger\n  gitledger completions fish > ~/.config/fish/completions/gitledger.fish"
)]
pub struct Arguments {
    /// For which shell.
    shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Finished {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "gitledger", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}
