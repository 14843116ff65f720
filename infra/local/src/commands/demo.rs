//! `gitledger demo`: ten agents at work on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Finished;

/// Starts everything on free ports, lets ten agents work at once on real repositories, and shows how it
/// went and what it cost.
///
/// Exit code 0 only if the ledger, the remote's references and the metrics agree.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger demo\n  gitledger demo --agents 30 --data /tmp/demo\n  gitledger demo --json"
)]
pub struct Arguments {
    /// How many agents work at once.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=100))]
    pub agents: u16,
    /// Where the ledger is kept afterwards; default: a new directory under the system's temporary one.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The summary as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let agreed = crate::demo::run(arguments.agents, arguments.data.as_deref(), arguments.json).await?;
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
