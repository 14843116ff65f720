//! `gitledger dashboard`: where the dashboard is, or a report of it in one file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gitledger_functions::costs;
use gitledger_sandboxes::{SystemWorld, World};
use jiff::SignedDuration;

use super::lasting::lasting;
use super::{Finished, ledger_file};
use crate::dashboard::Index;
use crate::dashboard::report::Report;
use crate::running::{GATEWAY_FILE, LOCK_FILE};
use crate::text;

/// Says where the dashboard is, or writes it as a report: one file that works without a network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger dashboard\n  gitledger dashboard --export report.html\n  gitledger dashboard --export week.html --last 7d"
)]
pub struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// Writes the report into this file instead.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// The report begins with this day (UTC) or instant, as in 2026-03-10T00:00:00Z; at the first event unless given.
    #[arg(long, requires = "export", conflicts_with = "last")]
    from: Option<String>,
    /// The report ends before this day (UTC) or instant; at the newest event unless given.
    #[arg(long, alias = "until", requires = "export", conflicts_with = "last")]
    to: Option<String>,
    /// The report is of so long until now, for example 90m, 24h or 7d.
    #[arg(long, requires = "export", value_parser = lasting)]
    last: Option<SignedDuration>,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    match &arguments.export {
        Some(file) => export(&arguments, file).await,
        None => tell(&arguments.data),
    }
}

fn tell(data: &Path) -> Finished {
    let Some(url) = running(data) else {
        return Err(format!(
            "no gateway runs on {0}; start `gitledger up --data {0}`, or write what is there into a file: \
             `gitledger dashboard --data {0} --export report.html`",
            data.display()
        ));
    };
    println!("{url}/dashboard");
    eprintln!("Open it in a browser. It is live, and asks for an API key where the gateway requires one.");
    Ok(ExitCode::SUCCESS)
}

/// The address of the gateway of a data directory, if it runs: whoever runs holds the lock.
fn running(data: &Path) -> Option<String> {
    let lock = File::open(data.join(LOCK_FILE)).ok()?;
    if lock.try_lock_shared().is_ok() {
        return None;
    }
    let url = std::fs::read_to_string(data.join(GATEWAY_FILE)).ok()?;
    Some(url.trim().to_owned()).filter(|url| !url.is_empty())
}

async fn export(arguments: &Arguments, file: &Path) -> Finished {
    let ledger = ledger_file::open(&arguments.data)?;
    let now = SystemWorld.now();
    let instant = |field, given: &Option<String>| {
        given.as_deref().map(|text| costs::instant(field, text)).transpose().map_err(text)
    };
    let (from, to) = match arguments.last {
        Some(last) => (now.checked_sub(last).ok(), Some(now)),
        None => (instant("--from", &arguments.from)?, instant("--to", &arguments.to)?),
    };
    let mut settings = gitledger_functions::Settings::from_env().map_err(text)?;
    settings.data_dir.clone_from(&arguments.data);
    let prices = settings.prices().map_err(text)?;
    let report = Report::of(&Index::new(ledger), &prices, from, to, now).await.map_err(text)?;
    let page = report.page().map_err(text)?;
    std::fs::write(file, &page).map_err(|error| format!("{}: {error}", file.display()))?;
    let (inside, total) = report.operations();
    let rest = if (inside as u64) < total {
        format!(", the newest {inside} of them one by one")
    } else {
        String::new()
    };
    println!("{}: {total} operations{rest}; {} KB", file.display(), page.len() / 1000);
    Ok(ExitCode::SUCCESS)
}
