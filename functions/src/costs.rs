//! What a window of time cost, read from the ledger: the fold is made anew for each question, so that any window, any
//! division and any prices can be asked for.

use gitledger_ledger::{Ledger, LedgerError, Position};
use gitledger_operations::Rejection;
use gitledger_projections::Projection;
use gitledger_projections::cost::report::CostFold;
use gitledger_projections::cost::{By, CostReport, Estimate, Prices, estimate};
use gitledger_projections::metrics::Metrics;
use gitledger_projections::running::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many events are read at once.
const CHUNK: usize = 5000;

/// What is asked for, as people write it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Question {
    /// How it is divided; by agent unless told otherwise.
    #[serde(default)]
    pub by: Option<By>,
    /// Only from this day (UTC) or instant on: `2026-11-01`, `2026-11-22T10:00:00Z`.
    #[serde(default)]
    pub from: Option<String>,
    /// Only before this day (UTC) or instant.
    #[serde(default)]
    pub to: Option<String>,
    /// Instead: the last hour or the last day up to now, or this month, as the metric `estimated_cost_dollars` has it.
    #[serde(default)]
    pub period: Option<Window>,
}

/// A window that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// The last 60 whole minutes and the one that is going on.
    Hour,
    /// The same for 24 hours.
    Day,
    /// The calendar month (UTC) so far.
    Month,
}

/// The answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Told {
    /// The instant up to which what is running was counted.
    pub at: Timestamp,
    /// The window's beginning; none is the ledger's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The window's end; none is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The price lists that were added up.
    pub lists: Vec<String>,
    /// What it cost.
    #[serde(flatten)]
    pub report: CostReport,
    /// What it costs an hour, a day and a month at `at`, whatever the window is.
    pub estimate: Estimate,
}

/// Reads the whole ledger and answers.
pub async fn tell(
    ledger: &dyn Ledger,
    prices: &Prices,
    question: &Question,
    now: Timestamp,
) -> Result<Told, CostError> {
    let window = window(question, now)?;
    let by = question.by.unwrap_or(By::Agent);
    let mut fold = CostFold::new(prices, window, &[by]);
    let mut metrics = Metrics::default();
    let mut position = Position::START;
    loop {
        let page = ledger.read_events(position, CHUNK).await?;
        if page.is_empty() {
            break;
        }
        for next in page {
            position = next.position;
            if let Ok(event) = next.event {
                fold.apply(&event);
                metrics.apply(&event);
            }
        }
    }
    let report = fold.reports(now).into_iter().next().unwrap_or(CostReport {
        by,
        total: gitledger_projections::cost::NanoDollars::ZERO,
        lines: Vec::new(),
    });
    Ok(Told {
        at: now,
        from: instant_of(window.from),
        to: instant_of(window.until),
        lists: prices.used().to_vec(),
        report,
        estimate: metrics.estimate(prices, now),
    })
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CostError {
    /// The question is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<CostError> for crate::Refusal {
    fn from(error: CostError) -> Self {
        match error {
            CostError::Rejected(rejection) => rejection.into(),
            CostError::Ledger(error) => error.into(),
        }
    }
}

/// An instant, or a day's first.
pub fn instant(field: &str, text: &str) -> Result<Timestamp, Rejection> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
    let rule = "must be a day (2026-11-22) or an instant (2026-11-22T10:00:00Z)";
    text.parse().ok().or_else(day).ok_or_else(|| Rejection::argument(field, rule))
}

fn window(question: &Question, now: Timestamp) -> Result<Span, Rejection> {
    if let Some(period) = question.period {
        if question.from.is_some() || question.to.is_some() {
            return Err(Rejection::argument("period", "goes without `from` and `to`"));
        }
        let [hour, day, month] = estimate::spans(now);
        return Ok(match period {
            Window::Hour => hour,
            Window::Day => day,
            Window::Month => month,
        });
    }
    let micros = |field: &str, text: &Option<String>, none: i64| {
        let given = text.as_deref().map(|text| instant(field, text)).transpose()?;
        Ok::<_, Rejection>(given.map_or(none, Timestamp::as_microsecond))
    };
    let from = micros("from", &question.from, i64::MIN)?;
    let until = micros("to", &question.to, i64::MAX)?;
    if until < from {
        return Err(Rejection::argument("to", "must not be before `from`"));
    }
    Ok(Span::new(from, until))
}

fn instant_of(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}
