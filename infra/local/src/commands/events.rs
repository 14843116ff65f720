//! `gitledger events`: the ledger, as it is and as it grows.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gitledger_ledger::{Position, Recorded};
use serde_json::Value;

use super::{Finished, ledger_file};

/// Shows the ledger: everything that happened, in order.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger events\n  gitledger events --follow\n  gitledger events --json | jq 'select(.type == \"gitledger.OperationFailed\")'"
)]
pub struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// Goes on, and shows what happens from now on.
    #[arg(long, short)]
    follow: bool,
    /// One CloudEvent in JSON per line.
    #[arg(long)]
    json: bool,
    /// Starts after this position.
    #[arg(long, default_value_t = 0)]
    after: u64,
}

/// How many events are read at once.
const CHUNK: usize = 1000;

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    let ledger = ledger_file::open(&arguments.data)?;
    let mut position = Position::from_u64(arguments.after);
    loop {
        let page = ledger.read_all(position, CHUNK).await.map_err(|error| error.to_string())?;
        for recorded in &page {
            position = recorded.position;
            let line = if arguments.json { recorded.cloud_event().to_string() } else { line(recorded) };
            if !print(&line) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if page.len() == CHUNK {
            continue;
        }
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        ledger.wait(position, Duration::from_secs(30)).await.map_err(|error| error.to_string())?;
    }
}

/// False when nobody reads any more (`| head`).
fn print(line: &str) -> bool {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// One event on one line, for people.
fn line(recorded: &Recorded) -> String {
    let record = &recorded.record;
    let time = record.recorded_at.strftime("%H:%M:%S%.3f");
    let who = record.actor.agent_id.as_deref().unwrap_or("-");
    let what = record.operation.as_deref().unwrap_or("-");
    format!(
        "{:>6}  {time}  {:<20} {:<12} {:<10} {}  {}",
        recorded.position,
        record.name,
        what,
        who,
        record.stream,
        brief(record.data.get())
    )
}

/// The few fields that tell most, in the order in which people ask for them.
fn brief(data: &str) -> String {
    const SHOWN: &[&str] = &[
        "code",
        "message",
        "duration_ms",
        "git_ms",
        "reference",
        "attempt",
        "outcome",
        "reuse",
        "reason",
        "creation_ms",
        "held_ms",
        "branch",
        "repo_url",
        "paths",
    ];
    let Ok(Value::Object(fields)) = serde_json::from_str(data) else { return String::new() };
    let shown = SHOWN.iter().filter_map(|name| fields.get(*name).map(|value| (name, value)));
    shown.map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.lines().next().unwrap_or_default().chars().take(80).collect(),
        other => other.to_string(),
    }
}
