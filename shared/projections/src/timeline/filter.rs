//! The operations behind a point: those of a span of event time, narrowed down and put in order.

use gitledger_events::operation::SideEffect;
use gitledger_events::sandbox::Reuse;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timeline;
use super::names::Name;
use super::row::{Ended, Row};

/// Which operations, of a span from `from` to `until` (not part of it). What ended is at its end, what is open at
/// its beginning.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Microseconds since the epoch.
    pub from: i64,
    /// Microseconds since the epoch.
    pub until: i64,
    /// Only of this name.
    pub operation: Option<String>,
    /// Only of this agent.
    pub agent: Option<String>,
    /// Only that ended so.
    pub outcome: Option<Outcome>,
    /// Only that failed with this coarse type.
    pub error_type: Option<String>,
    /// Only with this.
    pub with: Option<With>,
    /// Which come first.
    pub order: Order,
    /// So many at most.
    pub limit: usize,
}

/// How an operation ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Succeeded,
    /// git or the platform said no, or its function died.
    Failed,
    /// Under way.
    Open,
}

/// What an operation can have met on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// A push that was tried again.
    Retries,
    /// A conflict that git could not resolve.
    Conflicts,
    /// A sandbox that was made for it.
    Creation,
}

/// Which operations come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The slowest.
    Slowest,
}

/// The operations that were found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// How many there are, shown or not.
    pub total: u64,
    /// Those that are shown.
    pub operations: Vec<Listed>,
}

/// One operation as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// What was asked.
    pub operation: String,
    /// Who asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_id: String,
    /// For what.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task_id: String,
    /// The repository.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox_id: String,
    /// When it began.
    pub requested_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// The failure's code.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The failure's coarse type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error_type: String,
    /// What a failure left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_effect: Option<SideEffect>,
    /// From the request to the outcome, in milliseconds; `null` for what did no work.
    pub duration_ms: Option<f64>,
    /// Of it, running git.
    pub git_ms: f64,
    /// Of it, waiting for a sandbox.
    pub sandbox_wait_ms: f64,
    /// Where its sandbox came from, when it leased one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Pushes tried again.
    pub retries: u32,
    /// Conflicts that git could not resolve.
    pub conflicts: u32,
}

/// A filter with its words looked up: rows are compared by number.
struct Numbers {
    operation: Option<Name>,
    agent: Option<Name>,
    error_type: Option<Name>,
}

impl Timeline {
    /// The operations that a filter lets through.
    pub fn find(&self, filter: &Filter) -> Found {
        let Some(numbers) = self.numbers_of(filter) else { return Found::default() };
        let mut found: Vec<&Row> = self.rows.iter().filter(|row| filter.admits(row, &numbers)).collect();
        match filter.order {
            Order::Newest => found.sort_by_key(|row| std::cmp::Reverse((row.at(), row.requested_at))),
            Order::Slowest => {
                found.sort_by_key(|row| std::cmp::Reverse(row.end.and_then(|end| end.duration)));
            }
        }
        let total = found.len() as u64;
        found.truncate(filter.limit);
        Found { total, operations: found.into_iter().map(|row| self.listed(row)).collect() }
    }

    /// One operation as a list shows it.
    pub fn listed(&self, row: &Row) -> Listed {
        let word = |name: Name| self.names.word(name).to_owned();
        let instant = |at: i64| Timestamp::from_microsecond(at).unwrap_or_default();
        let (code, error_type, side_effect) = match row.end.map(|end| end.how) {
            Some(Ended::Failed { code, error_type, side_effect }) => {
                (word(code), word(error_type), Some(side_effect))
            }
            _ => (String::new(), String::new(), None),
        };
        Listed {
            id: row.id,
            operation: word(row.name),
            agent_id: word(row.agent),
            task_id: row.task.as_deref().unwrap_or_default().to_owned(),
            repo: word(row.repo),
            sandbox_id: row.sandbox.as_deref().unwrap_or_default().to_owned(),
            requested_at: instant(row.requested_at),
            ended_at: row.end.map(|end| instant(end.at)),
            outcome: outcome(row),
            code,
            error_type,
            side_effect,
            duration_ms: row.end.and_then(|end| end.duration).map(millis),
            git_ms: millis(row.end.map_or(0, |end| end.git)),
            sandbox_wait_ms: millis(row.end.map_or(0, |end| end.wait)),
            reuse: row.reuse,
            retries: row.retries,
            conflicts: row.conflicts,
        }
    }

    /// `None` when a word of the filter was never seen: then nothing can be found.
    fn numbers_of(&self, filter: &Filter) -> Option<Numbers> {
        let number = |word: &Option<String>| match word.as_deref() {
            None => Some(None),
            Some(word) => self.names.find(word).map(Some),
        };
        Some(Numbers {
            operation: number(&filter.operation)?,
            agent: number(&filter.agent)?,
            error_type: number(&filter.error_type)?,
        })
    }
}

impl Filter {
    fn admits(&self, row: &Row, numbers: &Numbers) -> bool {
        let failed_with = |wanted: Name| match row.end.map(|end| end.how) {
            Some(Ended::Failed { error_type, .. }) => error_type == wanted,
            _ => false,
        };
        (self.from..self.until).contains(&row.at())
            && numbers.operation.is_none_or(|name| row.name == name)
            && numbers.agent.is_none_or(|agent| row.agent == agent)
            && numbers.error_type.is_none_or(failed_with)
            && self.outcome.is_none_or(|wanted| outcome(row) == wanted)
            && self.with.is_none_or(|with| match with {
                With::Retries => row.retries > 0,
                With::Conflicts => row.conflicts > 0,
                With::Creation => row.reuse == Some(Reuse::New),
            })
    }
}

fn outcome(row: &Row) -> Outcome {
    match (row.end, row.failed()) {
        (None, _) => Outcome::Open,
        (Some(_), true) => Outcome::Failed,
        (Some(_), false) => Outcome::Succeeded,
    }
}

#[allow(clippy::cast_precision_loss)] // exact up to 285 years
pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
