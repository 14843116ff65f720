//! `gitledger report`: whether it is time to leave hosted sandboxes, and what else could be done.

use std::path::PathBuf;
use std::process::ExitCode;

use gitledger_functions::Settings;
use gitledger_functions::report::Terms;
use gitledger_projections::report::Platform;

use super::replay::until;
use super::{Finished, ledger_file};
use crate::replay::Until;
use crate::replay::prices::Table;
use crate::report::{Question, page, report, text};

/// Judges by five criteria whether it is time to leave hosted sandboxes, with the events behind each, and simulates
/// what else could be done.
///
/// Exit code 0 whatever the verdict is.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger report\n  gitledger report --html verdict.html\n  gitledger report --json | jq '.criteria[] | select(.exceeded)'\n  gitledger report --server-monthly 120 --server-vcpu 16 --server-memory 65536"
)]
pub struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// As it was then: an instant or a position.
    #[arg(long, value_name = "INSTANT|POSITION", value_parser = until)]
    at: Option<Until>,
    /// The last so many days count.
    #[arg(long, value_name = "NUMBER", default_value_t = 28, value_parser = clap::value_parser!(i64).range(1..=3660))]
    days: i64,
    /// A price list by name, or a price file; default: those in force.
    #[arg(long, value_name = "NAME|FILE")]
    prices: Option<String>,
    /// A machine of one's own costs so many dollars a month; an assumption to be replaced by yours.
    #[arg(long, value_name = "DOLLARS", default_value_t = 60.0)]
    server_monthly: f64,
    /// It has so many processors.
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    server_vcpu: u32,
    /// It has so much memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 16_384)]
    server_memory: u32,
    /// So many sandboxes' processors share one of its own.
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    server_overcommit: u32,
    /// Says what was, and simulates nothing.
    #[arg(long)]
    no_advice: bool,
    /// Writes the report into this file, as one HTML page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let ledger = ledger_file::find(&arguments.data)?;
    let asked: Vec<String> = arguments.prices.into_iter().collect();
    let prices = Table::all(&asked, &arguments.data)?;
    let mut settings = Settings::from_env().map_err(|error| error.to_string())?;
    arguments.data.clone_into(&mut settings.data_dir);
    let price = prices.into_iter().next().unwrap_or_else(Table::e2b_list);
    let terms = Terms {
        days: arguments.days,
        prices: price.prices().clone(),
        policy: settings.policies().map_err(|error| error.to_string())?.sandboxes,
        machine: Platform {
            monthly_dollars: arguments.server_monthly,
            vcpu: arguments.server_vcpu,
            memory_mb: arguments.server_memory,
            overcommit: arguments.server_overcommit,
        },
        advice: !arguments.no_advice,
    };
    let until = arguments.at.unwrap_or(Until::End);
    let report = report(Question { data: arguments.data, ledger, until, terms }).await?;
    if let Some(file) = &arguments.html {
        std::fs::write(file, page::html(&report)).map_err(|error| format!("{}: {error}", file.display()))?;
        eprintln!("the report is in {}", file.display());
    }
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else if arguments.html.is_none() {
        super::print(&text::page(&report));
    }
    Ok(ExitCode::SUCCESS)
}
