//! `gitledger projection`: the saved fold of the ledger, and the events that it could not take in.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use gitledger_functions::projector::{Folded, KEY, Projector};
use gitledger_ledger::Ledger;
use gitledger_projections::Projection;
use serde_json::json;

use super::{Finished, ledger_file};
use crate::text;

/// Shows what is saved of the projections, and folds events again that were parked.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger projection list\n  gitledger projection retry\n  gitledger projection rebuild"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger", global = true)]
    data: PathBuf,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows how far the projections are, and which events are parked and why.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Folds parked events that can be read by now, each at its place among the others. Also done at every start.
    Retry,
    /// Throws the saved state away and folds everything again from the first event.
    Rebuild,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let ledger = ledger_file::open(&arguments.data)?;
    match arguments.command {
        Command::List { json } => list(ledger.as_ref(), json).await,
        Command::Retry => again(&arguments.data, ledger, false).await,
        Command::Rebuild => again(&arguments.data, ledger, true).await,
    }
}

async fn list(ledger: &dyn Ledger, as_json: bool) -> Finished {
    let saved = ledger.load_projection(&KEY).await.map_err(text)?;
    let parked = ledger.parked(&KEY).await.map_err(text)?;
    let head = ledger.head().await.map_err(text)?.as_u64();
    let position = saved.as_ref().map_or(0, |saved| saved.position.as_u64());
    let outstanding: BTreeSet<u64> = saved
        .and_then(|saved| Folded::from_bytes(&saved.state).ok())
        .map(|folded| folded.skipped)
        .unwrap_or_default();
    if as_json {
        let parked = parked.iter().map(|event| {
            let at = event.position.as_u64();
            json!({"position": at, "reason": event.reason, "outstanding": outstanding.contains(&at) || at > position})
        });
        let told = json!({
            "name": KEY.name, "version": KEY.version, "position": position, "head": head,
            "parked": parked.collect::<Vec<_>>(),
        });
        println!("{told}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} v{}: saved up to {position} of {head}", KEY.name, KEY.version);
    for event in parked {
        let at = event.position.as_u64();
        let state = if outstanding.contains(&at) || at > position { "parked" } else { "folded since" };
        println!("{at:>8}  {state:<12}  {}", event.reason);
    }
    Ok(ExitCode::SUCCESS)
}

async fn again(data: &std::path::Path, ledger: Arc<dyn Ledger>, rebuild: bool) -> Finished {
    // A program that runs has its own fold in memory, and saves it over this one.
    let _lock = crate::running::take(data)?;
    let projector = Projector::load(ledger).await.map_err(text)?;
    if rebuild {
        projector.rebuild().await.map_err(text)?;
    } else {
        projector.save().await.map_err(text)?;
    }
    let folded = projector.caught_up().await.map_err(text)?;
    let parked = folded.skipped.len();
    println!("folded up to {}; {parked} events are parked", folded.position);
    Ok(if parked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
