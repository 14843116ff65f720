//! The command line: one file per command.

pub mod completions;
pub mod cost;
pub mod dashboard;
pub mod demo;
pub mod events;
pub mod feed;
pub mod git;
mod git_arguments;
mod git_example;
mod git_flags;
pub mod host_arguments;
pub mod keys;
mod lasting;
mod ledger_file;
pub mod mcp;
pub mod projection;
pub mod replay;
mod replay_openmetrics;
pub mod report;
pub mod sandbox_host;
mod shown;
pub mod simulate;
mod simulate_setting;
pub mod up;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Runs git for AI agents in sandboxes, keeps a ledger of everything that happened, and shows what it
/// cost and how it went.
#[derive(Parser)]
#[command(name = "gitledger", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Gitledger {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  gitledger demo                       ten agents at work on this machine, and what it cost
  gitledger up                         the whole system on 127.0.0.1:8000
  gitledger mcp                        the same as MCP tools on standard input and output
  gitledger git clone --repo-url https://github.com/acme/app --agent-id a1 --task-id t1
  gitledger sandbox list               the sandboxes that are alive
  gitledger events --follow            what is happening, as it happens
  gitledger cost --by agent            what it cost, and whose it was
  gitledger dashboard                  where the dashboard is; --export writes it into one file
  gitledger replay                     the whole ledger once more, beside the live figures
  gitledger simulate --ttl 8h          the same operations under another policy
  gitledger report                     is it time to leave hosted sandboxes, and what else could be done";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Up(up::Arguments),
    Mcp(mcp::Arguments),
    Events(events::Arguments),
    Feed(feed::Arguments),
    Cost(cost::Arguments),
    Projection(projection::Arguments),
    Dashboard(dashboard::Arguments),
    Replay(replay::Arguments),
    Report(report::Arguments),
    Simulate(Box<simulate::Arguments>),
    Keys(keys::Arguments),
    SandboxHost(sandbox_host::Arguments),
    Completions(completions::Arguments),
}

/// The program's first argument when the host starts it as a sandbox's agent.
pub const ENVD: &str = "sandbox-envd";

/// The whole command line.
pub fn command() -> clap::Command {
    Gitledger::command().subcommands(git::FAMILIES.iter().map(git::command))
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Started by the host inside a sandbox, many times: before anything else is set up.
    if arguments.get(1).is_some_and(|first| first == ENVD) {
        return gitledger_sandbox_host::envd_main();
    }
    gitledger_sandbox_host::raise_open_files();
    let matches = command().get_matches_from(arguments);
    if let Some((name, matches)) = matches.subcommand()
        && let Some(family) = git::FAMILIES.iter().find(|family| family.name == name)
    {
        return blocking(git::run(family, matches));
    }
    match Gitledger::from_arg_matches(&matches).map(|parsed| parsed.command) {
        Ok(Command::Demo(arguments)) => blocking(demo::run(arguments)),
        Ok(Command::Up(arguments)) => blocking(up::run(arguments)),
        Ok(Command::Mcp(arguments)) => blocking(mcp::run(arguments)),
        Ok(Command::Events(arguments)) => blocking(events::run(arguments)),
        Ok(Command::Feed(arguments)) => blocking(feed::run(arguments)),
        Ok(Command::Cost(arguments)) => blocking(cost::run(arguments)),
        Ok(Command::Projection(arguments)) => blocking(projection::run(arguments)),
        Ok(Command::Dashboard(arguments)) => blocking(dashboard::run(arguments)),
        Ok(Command::Replay(arguments)) => blocking(replay::run(arguments)),
        Ok(Command::Report(arguments)) => blocking(report::run(arguments)),
        Ok(Command::Simulate(arguments)) => blocking(simulate::run(*arguments)),
        Ok(Command::Keys(arguments)) => finished(keys::run(arguments)),
        Ok(Command::SandboxHost(arguments)) => blocking(sandbox_host::run(arguments)),
        Ok(Command::Completions(arguments)) => finished(completions::run(&arguments)),
        Err(error) => error.exit(),
    }
}

/// What a command can end with: nothing more to say, or a sentence and an exit code.
pub type Finished = Result<ExitCode, String>;

fn blocking(command: impl Future<Output = Finished>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("the runtime did not start: {error}")),
    };
    finished(runtime.block_on(command))
}

fn finished(end: Finished) -> ExitCode {
    match end {
        Ok(code) => code,
        Err(message) => complain(&message),
    }
}

fn complain(message: &str) -> ExitCode {
    eprintln!("gitledger: {message}");
    ExitCode::from(2)
}

/// Prints a page; nobody may be reading any more (`| head`).
pub fn print(page: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{page}");
}

/// Logs to standard error: warnings, and what `RUST_LOG` asks for by target and level (`gitledger=debug`).
/// Deliberately without filters by span and field, which need a machine for regular expressions.
pub fn log_to_stderr() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Colours are for people, who may say NO_COLOR; a file has none.
    let layer = if std::io::stderr().is_terminal() { layer } else { layer.with_ansi(false) };
    let layer = layer.with_filter(filter);
    // A second call in one process (tests) keeps the first logger.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}
