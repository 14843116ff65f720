//! What a replay says, with names and without prices: the same for the same events, byte for byte.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, Tally};
use super::brief::Brief;
use super::days::Day;
use super::names::Names;
use crate::bounded::OTHER;
use crate::cost::windows::DAY_MICROS;
use crate::cost::{ResourceTime, Usage};
use crate::counting::ABANDONED;

/// All figures at one instant. Sorted, so that equal figures are equal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The last event in it.
    pub position: u64,
    /// The instant that "now" stands for.
    pub at: Timestamp,
    /// Events counted.
    pub events: u64,
    /// Operations by name.
    pub operations: BTreeMap<String, OperationFigures>,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
    /// Leases by where the sandbox came from; `new` is a cache miss.
    pub leases: BTreeMap<String, u64>,
    /// Sandboxes.
    pub sandboxes: SandboxFigures,
    /// Sandbox time. Whose it was says `gitledger cost`.
    pub usage: ResourceTime,
    /// Day by day (UTC), by days since 1970.
    pub days: BTreeMap<i64, DayFigures>,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationFigures {
    /// Begun.
    pub started: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended otherwise.
    pub failed: u64,
    /// Pushes tried again.
    pub retried: u64,
    /// Conflicts that git could not resolve.
    pub conflicts: u64,
    /// How long, from request to outcome.
    pub durations: DurationFigures,
}

/// Durations, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationFigures {
    /// How many.
    pub count: u64,
    /// All together.
    pub sum_us: u64,
    /// Half are at most this.
    pub p50_us: u64,
    /// 95 of 100 are at most this.
    pub p95_us: u64,
    /// 99 of 100 are at most this.
    pub p99_us: u64,
    /// The greatest.
    pub max_us: u64,
}

/// Sandboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxFigures {
    /// Made.
    pub created: u64,
    /// Killed by one of us.
    pub killed: u64,
    /// Ended by their time to live.
    pub expired: u64,
    /// Gone, and nobody here did it.
    pub lost: u64,
    /// Put to sleep.
    pub paused: u64,
    /// Woken.
    pub resumed: u64,
    /// Running at the end.
    pub running: u32,
    /// The most that ran at once.
    pub peak: u32,
    /// The event that made it so many.
    pub peak_position: u64,
    /// To make one.
    pub creation: DurationFigures,
    /// To wake one.
    pub resume: DurationFigures,
}

/// One day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Operations of callers that ended well.
    pub succeeded: u64,
    /// Operations of callers that did not.
    pub failed: u64,
    /// How long they took.
    pub durations: DurationFigures,
    /// Leases served by a sandbox that was there.
    pub hits: u64,
    /// Leases for which one had to be made.
    pub misses: u64,
    /// Sandbox time.
    pub usage: ResourceTime,
    /// Events recorded.
    pub events: u64,
    /// Operations that ended, housekeeping included.
    pub operations: u64,
    /// How long functions worked on these, in microseconds.
    pub function_us: u64,
    /// The most sandboxes that ran at once.
    pub peak: u32,
}

impl Account {
    /// The figures at an instant.
    pub fn figures(&self, names: &Names, now: Timestamp) -> Figures {
        let micros = now.as_microsecond();
        let all = self.as_of(micros);
        let code = |number: u32| if number == 0 { ABANDONED } else { names.name(number) };
        let operation = |number: u32| if number == 0 { OTHER } else { names.name(number) };
        Figures {
            position: self.position,
            at: now,
            events: self.events,
            operations: all
                .operations
                .iter()
                .map(|(number, tally)| (operation(number).to_owned(), tally.figures()))
                .collect(),
            failures: all.codes.iter().map(|(number, count)| (code(*number).to_owned(), *count)).collect(),
            leases: (0u16..)
                .zip(all.reuse)
                .map(|(reuse, count)| (Brief::reuse(reuse).to_owned(), count))
                .collect(),
            sandboxes: self.sandbox_figures(micros),
            usage: all.used,
            days: all.days.all().iter().map(|day| (day.number, day.figures())).collect(),
        }
    }

    fn sandbox_figures(&self, now: i64) -> SandboxFigures {
        let tally = self.sandboxes;
        SandboxFigures {
            created: tally.created,
            killed: tally.killed,
            expired: tally.expired,
            lost: tally.lost,
            paused: tally.paused,
            resumed: tally.resumed,
            running: self.running(now),
            peak: tally.peak,
            peak_position: tally.peak_position,
            creation: (&self.creation).into(),
            resume: (&self.resume).into(),
        }
    }
}

impl Tally {
    fn figures(&self) -> OperationFigures {
        OperationFigures {
            started: self.started,
            succeeded: self.succeeded,
            failed: self.failed,
            retried: self.retried,
            conflicts: self.conflicts,
            durations: (&self.durations).into(),
        }
    }
}

impl Day {
    /// Its figures.
    pub fn figures(&self) -> DayFigures {
        DayFigures {
            succeeded: self.succeeded,
            failed: self.failed,
            durations: (&self.durations).into(),
            hits: self.hits,
            misses: self.misses,
            usage: self.usage.sandboxes,
            events: self.usage.events,
            operations: self.usage.operations,
            function_us: u64::try_from(self.usage.function_micros).unwrap_or(u64::MAX),
            peak: self.peak,
        }
    }
}

impl From<&super::durations::Durations> for DurationFigures {
    fn from(all: &super::durations::Durations) -> Self {
        let percentile = |percent| all.percentile(percent).unwrap_or(0);
        Self {
            count: all.count(),
            sum_us: all.sum(),
            p50_us: percentile(50),
            p95_us: percentile(95),
            p99_us: percentile(99),
            max_us: all.max(),
        }
    }
}

impl DayFigures {
    /// Everything that costs.
    pub fn cost_usage(&self) -> Usage {
        let function_micros = u128::from(self.function_us);
        Usage { sandboxes: self.usage, operations: self.operations, function_micros, events: self.events }
    }
}

/// A day since 1970 as a date.
pub fn date(number: i64) -> String {
    let at = Timestamp::from_microsecond(number.saturating_mul(DAY_MICROS)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}
