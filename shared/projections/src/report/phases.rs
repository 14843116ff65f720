//! The two phases of the validation: first what is normal, then when and by whom it is made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{DayPrice, Window};
use super::queries;
use crate::counting::ABANDONED;
use crate::replay::Names;
use crate::replay::figures::date;

/// The first phase lasts so many days.
pub const BASELINE_DAYS: i64 = 14;
/// How many are named of what there are many of.
const NAMED: usize = 5;

/// Both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// The first two weeks: what is normal.
    pub baseline: Baseline,
    /// Everything so far: when and by whom.
    pub patterns: Patterns,
}

/// What is normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Its first day.
    pub from: String,
    /// Days of it that have passed.
    pub days: i64,
    /// Whether all of it has passed.
    pub complete: bool,
    /// Operations a day.
    pub operations_a_day: f64,
    /// Half take at most so long, in seconds.
    pub p50_s: Option<f64>,
    /// 95 of 100 take at most so long, in seconds.
    pub p95_s: Option<f64>,
    /// Failed of all, 0 to 1.
    pub error_ratio: Option<f64>,
    /// Misses of all, 0 to 1.
    pub miss_ratio: Option<f64>,
    /// Dollars a day.
    pub dollars_a_day: f64,
    /// The most sandboxes at once.
    pub sandboxes_at_once: u64,
    /// Commands that give these figures.
    pub queries: Vec<String>,
}

/// When and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Patterns {
    /// Whether there were days after the baseline.
    pub complete: bool,
    /// Operations ended in each hour of the day (UTC).
    pub hours: Vec<u64>,
    /// The hour with most.
    pub busiest_hour: usize,
    /// Its share of all, 0 to 1.
    pub busiest_share: f64,
    /// Operations by the agents that ask most.
    pub agents: Vec<(String, u64)>,
    /// Agents in all.
    pub agent_count: usize,
    /// Failures by the codes that come most.
    pub failures: Vec<(String, u64)>,
    /// Operations a day, after the baseline beside in it; `null` without both.
    pub growth: Option<f64>,
    /// A command that gives these figures.
    pub query: String,
}

/// Of all days that the ledger has, up to a position.
pub fn phases(all: &Window<'_>, names: &Names, position: u64, price: &DayPrice<'_>) -> Phases {
    let end = all.first + BASELINE_DAYS - 1;
    let first = all.within(all.first, end);
    Phases { baseline: baseline(&first, position, price), patterns: patterns(all, &first, names, position) }
}

fn ended(window: &Window<'_>) -> u64 {
    window.sum(|day| day.failed + day.succeeded)
}

#[allow(clippy::cast_precision_loss)] // counts
fn a_day(window: &Window<'_>) -> f64 {
    ended(window) as f64 / window.days_lived()
}

#[allow(clippy::cast_precision_loss)] // counts
fn baseline(window: &Window<'_>, position: u64, price: &DayPrice<'_>) -> Baseline {
    let measured = window.measured(price);
    Baseline {
        from: date(window.first),
        days: window.count(),
        complete: window.count() >= BASELINE_DAYS,
        operations_a_day: a_day(window),
        p50_s: window.durations().percentile(50).map(|micros| micros as f64 / 1e6),
        p95_s: measured.p95_s,
        error_ratio: measured.error_ratio,
        miss_ratio: measured.miss_ratio,
        dollars_a_day: window.dollars(price) / window.days_lived(),
        sandboxes_at_once: measured.sandboxes_at_once,
        queries: queries::baseline(window, position),
    }
}

#[allow(clippy::cast_precision_loss)] // counts
fn patterns(all: &Window<'_>, baseline: &Window<'_>, names: &Names, position: u64) -> Patterns {
    let mut hours = vec![0u64; 24];
    let (mut agents, mut codes) = (BTreeMap::new(), BTreeMap::new());
    for day in all.days() {
        for (hour, count) in hours.iter_mut().zip(&day.hours) {
            *hour += u64::from(*count);
        }
        for (agent, count) in &day.agents {
            *agents.entry(*agent).or_insert(0) += u64::from(*count);
        }
        for (code, count) in &day.codes {
            *codes.entry(*code).or_insert(0) += *count;
        }
    }
    let busiest_hour = (0..24).max_by_key(|hour| hours.get(*hour).copied()).unwrap_or(0);
    let busiest = hours.get(busiest_hour).copied().unwrap_or(0) as f64;
    let later = all.within(baseline.last + 1, all.last);
    let after = all.last > baseline.last;
    Patterns {
        complete: after && later.count() >= BASELINE_DAYS,
        busiest_hour,
        busiest_share: busiest / (ended(all).max(1) as f64),
        hours,
        agent_count: agents.len(),
        agents: top(agents, |agent| if agent == 0 { "unknown".into() } else { names.name(agent).into() }),
        failures: top(codes, |code| if code == 0 { ABANDONED.into() } else { names.name(code).into() }),
        query: queries::patterns(all, position),
        growth: (after && ended(baseline) > 0).then(|| a_day(&later) / a_day(baseline)),
    }
}

fn top(counts: BTreeMap<u32, u64>, name: impl Fn(u32) -> String) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> =
        counts.into_iter().map(|(number, count)| (name(number), count)).collect();
    all.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    all.truncate(NAMED);
    all
}
