//! `gitledger replay`: the whole ledger once more, to any point, at any price.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{Finished, ledger_file, replay_openmetrics};
use crate::replay::prices::Table;
use crate::replay::shown::Shown;
use crate::replay::{Until, digest, live, replay, segments};

/// Folds the whole ledger anew, from the first event to any point in time, and shows it beside the live figures.
///
/// Sealed segments beside the ledger make the next replay faster; they may be deleted at any time. The same events
/// give the same digest. Exit code 1 when the live figures are others than the replayed ones.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger replay\n  gitledger replay --at 2026-03-10T12:00:00Z\n  gitledger replay --prices e2b-list --prices original-flat --prices mine.toml\n  gitledger replay --verify\n  gitledger replay --json | jq .digest\n  gitledger replay --openmetrics past.txt --from 2026-11-01 --to 2026-11-22 --step 60s"
)]
pub struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// As it was then: an instant (`2026-03-10T12:00:00Z`) or a position.
    #[arg(long, value_name = "INSTANT|POSITION", value_parser = until)]
    at: Option<Until>,
    /// A price table: a list by name, `original-flat`, or a price file (see `gitledger cost
    /// --prices-example`); may be given several times. Default: those in force, and the flat rate beside them.
    #[arg(long, value_name = "NAME|FILE")]
    prices: Vec<String>,
    /// Where events are read from.
    #[arg(long, value_enum, default_value_t = Source::Segments)]
    source: Source,
    /// Makes every saved projection again as well, and compares it with what is saved, byte by byte.
    #[arg(long)]
    verify: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    past: replay_openmetrics::Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Source {
    /// Sealed segments, and the ledger for what they lack.
    Segments,
    /// The ledger only.
    Ledger,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    if let Some(file) = arguments.past.file() {
        return replay_openmetrics::run(&arguments.data, file, &arguments.past).await;
    }
    let prices = Table::all(&arguments.prices, &arguments.data)?;
    let ledger = ledger_file::find(&arguments.data)?;
    let cache = (arguments.source == Source::Segments).then(|| arguments.data.join(segments::DIRECTORY));
    let until = arguments.at.unwrap_or(Until::End);
    let path = ledger.clone();
    let replayed = tokio::task::spawn_blocking(move || {
        let bar = progress();
        let replayed = replay(&path, cache.as_deref(), until, &mut |events| bar.set_position(events));
        bar.finish_and_clear();
        replayed
    });
    let replayed = replayed.await.map_err(|error| error.to_string())??;
    let figures = replayed.figures();
    let live = match arguments.at {
        None => Some(live::figures(&ledger, replayed.at()).await?),
        Some(_) => None,
    };
    // Of a ledger that grows meanwhile, the two sides tell of different moments.
    let live = live.filter(|live| live.position == figures.position);
    let rebuilt = if arguments.verify { live::rebuild(&ledger).await? } else { None };
    let shown = Shown {
        figures: &figures,
        digest: &digest(&figures)?,
        live: live.as_ref(),
        rebuilt: rebuilt.as_ref(),
        prices: &prices,
        read: [replayed.from_segments, replayed.from_ledger, replayed.unreadable],
    };
    super::print(&if arguments.json { format!("{:#}", shown.json()) } else { shown.text() });
    Ok(if shown.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An instant or a position.
pub fn until(text: &str) -> Result<Until, String> {
    if let Ok(position) = text.parse() {
        return Ok(Until::Position(position));
    }
    let instant: Result<Timestamp, _> = text.parse();
    instant.map(Until::Instant).map_err(|_| "an instant as 2026-03-10T12:00:00Z, or a position".to_owned())
}

/// Shown from the first report on: a short ledger is done before that.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} events  {per_sec}  {elapsed}");
    ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
