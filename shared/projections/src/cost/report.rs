//! What a window of time cost, by agent, task, repository, operation, sandbox or day. Each list adds up exactly to
//! the whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use gitledger_events::Event;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exact::apportion;
use super::windows::DAY_MICROS;
use super::{Attribution, Exact, NanoDollars, Prices, Usage, Whose};
use crate::running::Span;

/// How a cost is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// By agent.
    Agent,
    /// By task, told as `agent/task`: a task's name is its agent's.
    Task,
    /// By repository.
    Repo,
    /// By the operation's name; `idle` is a sandbox that nobody has used.
    Operation,
    /// By single operation.
    OperationId,
    /// By sandbox; `-` is what the functions cost, where that counts.
    Sandbox,
    /// By day (UTC).
    Day,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Agent, Self::Task, Self::Repo, Self::Operation, Self::OperationId, Self::Sandbox, Self::Day];

    /// As it is written on the command line and in a query.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Task => "task",
            Self::Repo => "repo",
            Self::Operation => "operation",
            Self::OperationId => "operation-id",
            Self::Sandbox => "sandbox",
            Self::Day => "day",
        }
    }

    fn key(self, whose: Whose<'_>, day: i64) -> Cow<'_, str> {
        match self {
            Self::Agent => whose.agent.into(),
            Self::Task => format!("{}/{}", whose.agent, whose.task).into(),
            Self::Repo => whose.repo.into(),
            Self::Operation => whose.operation.into(),
            Self::OperationId => {
                whose.operation_id.map_or(Cow::Borrowed("-"), |id| id.hyphenated().to_string().into())
            }
            Self::Sandbox if whose.sandbox.is_empty() => "-".into(),
            Self::Sandbox => whose.sandbox.into(),
            Self::Day => date(day).into(),
        }
    }
}

/// A price put on what a window of time used, by as many divisions as are asked for. One pass over the ledger.
#[derive(Clone, Debug)]
pub struct CostFold<'p> {
    prices: &'p Prices,
    window: Span,
    attribution: Attribution,
    total: Part,
    parts: Vec<(By, BTreeMap<String, Part>)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    exact: Exact,
    usage: Usage,
}

/// What a window of time cost. The lines' costs add up to the total, to the nano-dollar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CostReport {
    /// How it is divided.
    pub by: By,
    /// All of it, in billionths of a dollar.
    #[serde(rename = "total_nano_dollars")]
    pub total: NanoDollars,
    /// The greatest first; of days, the first.
    pub lines: Vec<CostLine>,
}

/// One part of a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CostLine {
    /// Whose.
    pub name: String,
    /// In billionths of a dollar.
    #[serde(rename = "nano_dollars")]
    pub cost: NanoDollars,
    /// How long sandboxes ran for it, its share of their idle time included, in microseconds.
    pub sandbox_micros: u64,
    /// Operations that ended.
    pub operations: u64,
}

impl<'p> CostFold<'p> {
    /// Nothing yet. A window is of instants, in microseconds since 1970; [`CostFold::EVER`] is all of them.
    pub fn new(prices: &'p Prices, window: Span, by: &[By]) -> Self {
        let parts = by.iter().map(|by| (*by, BTreeMap::new())).collect();
        Self { prices, window, attribution: Attribution::default(), total: Part::default(), parts }
    }

    /// The window that everything is in.
    pub const EVER: Span = Span { from: i64::MIN, until: i64::MAX };

    /// Takes in the next event, in the ledger's order, from the first on.
    pub fn apply(&mut self, event: &Event) {
        let Self { prices, window, attribution, total, parts } = self;
        attribution.apply(event, *window, &mut |whose, day, usage| {
            put(prices, total, parts, whose, day, usage);
        });
    }

    /// What it cost by `now`, in the order in which divisions were asked for.
    pub fn reports(mut self, now: Timestamp) -> Vec<CostReport> {
        let Self { prices, window, attribution, total, parts } = &mut self;
        attribution.open(now, *window, &mut |whose, day, usage| {
            put(prices, total, parts, whose, day, usage);
        });
        let total = self.total.exact.rounded();
        self.parts.into_iter().map(|(by, parts)| report(by, total, parts)).collect()
    }
}

fn put(
    prices: &Prices,
    total: &mut Part,
    parts: &mut [(By, BTreeMap<String, Part>)],
    whose: Whose<'_>,
    day: i64,
    usage: &Usage,
) {
    let exact = prices.exact(day, usage);
    let add = |part: &mut Part| {
        part.exact += exact;
        part.usage += *usage;
    };
    add(total);
    for (by, parts) in parts {
        let key = by.key(whose, day);
        match parts.get_mut(key.as_ref()) {
            Some(part) => add(part),
            None => add(parts.entry(key.into_owned()).or_default()),
        }
    }
}

fn report(by: By, total: NanoDollars, parts: BTreeMap<String, Part>) -> CostReport {
    let exact: Vec<Exact> = parts.values().map(|part| part.exact).collect();
    let line = |((name, part), cost): ((String, Part), NanoDollars)| CostLine {
        name,
        cost,
        sandbox_micros: u64::try_from(part.usage.sandboxes.running_micros).unwrap_or(u64::MAX),
        operations: part.usage.operations,
    };
    let mut lines: Vec<CostLine> = parts.into_iter().zip(apportion(&exact)).map(line).collect();
    // What only wrote an event of its own and is not charged for is no part of the cost.
    lines.retain(|line| line.cost > NanoDollars::ZERO || line.sandbox_micros > 0 || line.operations > 0);
    if by != By::Day {
        lines.sort_by(|one, other| (other.cost, &one.name).cmp(&(one.cost, &other.name)));
    }
    CostReport { by, total, lines }
}

/// A day since 1970 as `2026-11-22`.
pub fn date(day: i64) -> String {
    let start = Timestamp::from_microsecond(day.saturating_mul(DAY_MICROS));
    start.map_or_else(|_| day.to_string(), |start| start.strftime("%Y-%m-%d").to_string())
}
