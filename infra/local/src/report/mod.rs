//! The report on leaving hosted sandboxes, made from one ledger: a replay for what was, simulations for what could be.

pub mod page;
pub mod text;

use std::path::Path;

use gitledger_projections::replay::days::Day;
use gitledger_projections::replay::figures::date;
use gitledger_projections::report::criteria::criteria;
use gitledger_projections::report::phases::phases;
use gitledger_projections::report::{Platform, Report, Window, advice};
use gitledger_projections::simulation::{Outcome, Setting, Workload};
use jiff::Timestamp;

use crate::replay::prices::Table;
use crate::replay::{Until, replay, segments};
use crate::simulate::{outcomes, recorded};

/// What the report is made from.
pub struct Question {
    /// The data directory.
    pub data: std::path::PathBuf,
    /// The ledger's file in it.
    pub ledger: std::path::PathBuf,
    /// As it was then.
    pub until: Until,
    /// The last so many days count.
    pub days: i64,
    /// The prices.
    pub price: Table,
    /// The policy in force.
    pub in_force: Setting,
    /// One's own machine.
    pub machine: Platform,
    /// Without simulations: what was, and nothing else.
    pub no_advice: bool,
}

/// Makes the report.
pub async fn report(question: &Question) -> Result<Report, String> {
    let (ledger, cache) = (question.ledger.clone(), question.data.join(segments::DIRECTORY));
    let until = question.until;
    let replayed = tokio::task::spawn_blocking(move || replay(&ledger, Some(&cache), until, &mut |_| {}));
    let replayed = replayed.await.map_err(|error| error.to_string())??;
    let at = replayed.at();
    // With the time of those that still run.
    let account = replayed.account.as_of(at.as_microsecond());
    let price = |day: i64, usage: &gitledger_projections::cost::Usage| question.price.day(day, usage);
    let days: &[Day] = account.days.all();
    let window = Window::last_days(days, question.days);
    let mut criteria = criteria(&window, account.position, &price);
    let (options, workload) = options(question, &window).await?;
    advice::remedies(&mut criteria, &options);
    let size = (question.in_force.vcpu, question.in_force.memory_mb);
    let advice = advice::advise(&options, &workload, question.machine, size);
    Ok(Report {
        position: account.position,
        at,
        from: date(window.first),
        days: window.count(),
        operations: window.sum(|day| day.succeeded + day.failed),
        time_to_move: criteria.iter().any(|one| one.criterion.exceeded),
        phases: phases(&Window::last_days(days, i64::MAX), &replayed.names, &price),
        criteria,
        advice,
    })
}

/// The policies that are tried on what was asked for in the window.
async fn options(
    question: &Question,
    window: &Window<'_>,
) -> Result<(Vec<gitledger_projections::report::Alternative>, Workload), String> {
    let from = Timestamp::from_microsecond(window.first.saturating_mul(86_400_000_000)).ok();
    if question.no_advice {
        return Ok((Vec::new(), Workload::default()));
    }
    let workload = recorded(&question.ledger, from, question.until).await?;
    if workload.asks.is_empty() {
        return Ok((Vec::new(), workload));
    }
    let settings = advice::settings(&question.in_force);
    let (days, price) = (window.count(), question.price.clone());
    let (given, in_force) = (workload.clone(), question.in_force.clone());
    let options = tokio::task::spawn_blocking(move || {
        let outcomes = outcomes(&given, &settings);
        let cost = |outcome: &Outcome| price.of(outcome.usage);
        let pairs = settings.iter().zip(&outcomes);
        pairs.map(|(setting, outcome)| advice::option(setting, &in_force, outcome, days, &cost)).collect()
    });
    Ok((options.await.map_err(|error| error.to_string())?, workload))
}

/// The size of the sandboxes that a ledger tells of: that of the last one made, else E2B's default.
pub async fn recorded_size(ledger: &Path) -> (u32, u32) {
    use gitledger_ledger::Ledger;
    use gitledger_ledger::sqlite::{Durability, SqliteLedger};
    let default = (2, 512);
    let Ok(ledger) = SqliteLedger::open(ledger, Durability::Full) else { return default };
    let mut position = gitledger_ledger::Position::START;
    while let Ok(page) = ledger.read_all(position, 1000).await {
        let Some(last) = page.last() else { break };
        position = last.position;
        for recorded in page.iter().filter(|recorded| recorded.record.name == "SandboxCreated") {
            if let Ok(gitledger_events::Fact::SandboxCreated(created)) = recorded.record.fact() {
                return (created.vcpu, created.memory_mb);
            }
        }
    }
    default
}
