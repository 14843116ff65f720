//! The report on leaving hosted sandboxes, made from one ledger: a replay for what was, simulations for what could be.

pub mod page;
pub mod text;

use std::path::PathBuf;

use gitledger_functions::report::{Past, Terms, judge};
use gitledger_projections::report::Report;
use gitledger_projections::simulation::Workload;

use crate::replay::{Until, replay, segments};
use crate::simulate::{outcomes, recorded};

/// What the report is made from.
pub struct Question {
    /// The data directory.
    pub data: PathBuf,
    /// The ledger's file in it.
    pub ledger: PathBuf,
    /// As it was then.
    pub until: Until,
    /// By what is judged.
    pub terms: Terms,
}

/// Makes the report: as the function `report` does, but from segments where there are some, and on every core.
pub async fn report(question: Question) -> Result<Report, String> {
    let Question { data, ledger, until, terms } = question;
    let (file, cache) = (ledger.clone(), data.join(segments::DIRECTORY));
    let replayed = blocking(move || replay(&file, Some(&cache), until, &mut |_| {})).await??;
    // What is recorded while the report is made is in none of it.
    let last = Until::Position(replayed.account.position);
    let at = replayed.at();
    let past = Past::new(&replayed.account, replayed.names, at);
    let workload =
        if terms.advice { recorded(&ledger, past.from(&terms), last).await? } else { Workload::default() };
    blocking(move || judge(&past, &workload, &terms, outcomes)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}
