//! The five criteria over a window of days, week by week, with the events behind them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advice::Alternative;
use super::confidence::{self, Interval};
use super::queries;
use crate::cost::windows::DAY_MICROS;
use crate::cost::{NanoDollars, Usage};
use crate::replay::days::{Day, EVIDENCE_MAX};
use crate::replay::durations::Durations;
use crate::replay::figures::date;
use crate::running::Span;
use crate::verdict::{Criterion, Measured, Verdict};

/// A month, for what it costs.
pub const MONTH_DAYS: f64 = 30.0;

/// What was lived in less than an hour says nothing about a month.
const LIVED_MIN_MICROS: u64 = 3_600_000_000;

/// What a usage of one day costs.
pub type DayPrice<'p> = dyn Fn(i64, &Usage) -> NanoDollars + 'p;

/// A criterion with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CriterionReport {
    /// Value and threshold.
    #[serde(flatten)]
    pub criterion: Criterion,
    /// How sure the value is; `null` where it is simply so, or too little is known.
    pub interval: Option<Interval>,
    /// Week by week, the last ends with the window.
    pub weeks: Vec<Week>,
    /// Where it goes.
    pub trend: Trend,
    /// The events that weigh most.
    pub evidence: Vec<Evidence>,
    /// A command that gives the value.
    pub query: String,
    /// The cheapest change of the policy that would bring it back, where it is exceeded and one would.
    pub remedy: Option<Alternative>,
}

/// The value in one week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Week {
    /// Its first day.
    pub from: String,
    /// The value; `null` when there was nothing.
    pub value: Option<f64>,
    /// Whether it was more than the threshold.
    pub exceeded: bool,
}

/// Where a value goes: the last week beside those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// By more than a tenth.
    Rising,
    /// By more than a tenth.
    Falling,
    /// By less.
    Steady,
    /// There is one week only.
    Unknown,
}

/// An event that weighs much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Its position in the ledger.
    pub position: u64,
    /// Why it is named.
    pub why: String,
    /// A command that shows it.
    pub command: String,
}

/// The days that count.
#[derive(Clone, Copy, Debug)]
pub struct Window<'d> {
    days: &'d [Day],
    /// The first day.
    pub first: i64,
    /// The last day.
    pub last: i64,
    /// From the first event, or the first day's beginning, until now, or the last day's end.
    lived: Span,
}

impl<'d> Window<'d> {
    /// The last so many of these days, from the first with anything in it. `lived`: from the ledger's first event
    /// until now.
    pub fn last_days(days: &'d [Day], count: i64, lived: Span) -> Self {
        let last = days.last().map_or(0, |day| day.number);
        let first = last.saturating_sub(count.max(1) - 1);
        let days = &days[days.partition_point(|day| day.number < first)..];
        let first = days.first().map_or(last, |day| day.number);
        Self { days, first, last, lived: lived.within(whole(first, last)) }
    }

    /// A part of it.
    #[must_use]
    pub fn within(&self, first: i64, last: i64) -> Self {
        let days = &self.days[self.days.partition_point(|day| day.number < first)..];
        let days = &days[..days.partition_point(|day| day.number <= last)];
        let (first, last) = (first.max(self.first), last.min(self.last));
        Self { days, first, last, lived: self.lived.within(whole(first, last)) }
    }

    /// The days with anything in them.
    pub fn days(&self) -> &'d [Day] {
        self.days
    }

    /// How many days, those with nothing in them included.
    pub fn count(&self) -> i64 {
        (self.last - self.first + 1).max(1)
    }

    /// How long that was, in days: of the first and the last only what was lived of them. At least an hour.
    #[allow(clippy::cast_precision_loss)] // a few years
    pub fn days_lived(&self) -> f64 {
        self.lived.micros().max(LIVED_MIN_MICROS) as f64 / DAY_MICROS as f64
    }

    /// Whether that is long enough for what a month costs.
    pub fn tells_a_month(&self) -> bool {
        self.lived.micros() >= LIVED_MIN_MICROS
    }

    /// What it cost, in dollars.
    pub fn dollars(&self, price: &DayPrice<'_>) -> f64 {
        self.costs(price).iter().sum()
    }

    /// From request to outcome, all of them.
    pub fn durations(&self) -> Durations {
        let mut all = Durations::default();
        self.days.iter().for_each(|day| all.merge(&day.durations));
        all
    }

    /// A number of each day, added up.
    pub fn sum(&self, of: impl Fn(&Day) -> u64) -> u64 {
        self.days.iter().map(of).sum()
    }

    /// What each day cost that was lived from midnight to midnight, in dollars.
    fn whole_days(&self, price: &DayPrice<'_>) -> Vec<f64> {
        let numbered = (self.first..).zip(self.costs(price));
        let lived = |number: i64| whole(number, number).within(self.lived) == whole(number, number);
        numbered.filter(|(number, _)| lived(*number)).map(|(_, cost)| cost).collect()
    }

    /// What each day cost, in dollars.
    fn costs(&self, price: &DayPrice<'_>) -> Vec<f64> {
        let mut costs = vec![0.0; usize::try_from(self.count()).unwrap_or(0)];
        for day in self.days {
            let place = usize::try_from(day.number - self.first).unwrap_or(usize::MAX);
            if let Some(cost) = costs.get_mut(place) {
                *cost = price(day.number, &day.usage).as_dollars_f64();
            }
        }
        costs
    }

    /// What the verdict is made from.
    #[allow(clippy::cast_precision_loss)] // counts
    pub fn measured(&self, price: &DayPrice<'_>) -> Measured {
        let (failed, succeeded) = (self.sum(|day| day.failed), self.sum(|day| day.succeeded));
        let (hits, misses) = (self.sum(|day| day.hits), self.sum(|day| day.misses));
        let monthly = self.dollars(price) / self.days_lived() * MONTH_DAYS;
        Measured {
            p95_s: self.durations().percentile(95).map(|micros| micros as f64 / 1e6),
            error_ratio: share(failed, failed + succeeded),
            monthly_dollars: self.tells_a_month().then_some(monthly),
            miss_ratio: share(misses, misses + hits),
            sandboxes_at_once: self.days.iter().map(|day| u64::from(day.peak)).max().unwrap_or(0),
        }
    }

    /// Seven days each, the last of them ends with the window; the first may be shorter.
    fn weeks(&self) -> Vec<Self> {
        let mut weeks = Vec::new();
        let mut last = self.last;
        while last >= self.first {
            weeks.push(self.within(last - 6, last));
            last -= 7;
        }
        weeks.reverse();
        weeks
    }
}

/// From the first midnight of these days to the last.
fn whole(first: i64, last: i64) -> Span {
    let midnight = |day: i64| day.saturating_mul(DAY_MICROS);
    Span::new(midnight(first), midnight(last.saturating_add(1)))
}

#[allow(clippy::cast_precision_loss)] // counts
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The five, without remedies.
pub fn criteria(window: &Window<'_>, position: u64, price: &DayPrice<'_>) -> Vec<CriterionReport> {
    let verdicts: Vec<(String, Verdict)> =
        window.weeks().iter().map(|week| (date(week.first), Verdict::of(&week.measured(price)))).collect();
    let whole = Verdict::of(&window.measured(price));
    let place = |(place, criterion): (usize, Criterion)| {
        let weeks: Vec<Week> = verdicts
            .iter()
            .filter_map(|(from, verdict)| {
                let week = verdict.criteria.get(place)?;
                Some(Week { from: from.clone(), value: week.value, exceeded: week.exceeded })
            })
            .collect();
        CriterionReport {
            interval: interval(&criterion.id, window, price),
            trend: trend(&weeks),
            evidence: evidence(&criterion.id, window),
            query: queries::query(&criterion.id, window, position),
            weeks,
            criterion,
            remedy: None,
        }
    };
    whole.criteria.into_iter().enumerate().map(place).collect()
}

fn interval(id: &str, window: &Window<'_>, price: &DayPrice<'_>) -> Option<Interval> {
    match id {
        "p95" => confidence::of_p95(&window.durations()),
        "errors" => {
            let failed = window.sum(|day| day.failed);
            confidence::of_share(failed, failed + window.sum(|day| day.succeeded))
        }
        "cache-misses" => {
            let misses = window.sum(|day| day.misses);
            confidence::of_share(misses, misses + window.sum(|day| day.hits))
        }
        "monthly-cost" => confidence::of_days(&window.whole_days(price), MONTH_DAYS),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss)] // a few weeks
fn trend(weeks: &[Week]) -> Trend {
    let values: Vec<f64> = weeks.iter().filter_map(|week| week.value).collect();
    let Some((last, before)) = values.split_last().filter(|(_, before)| !before.is_empty()) else {
        return Trend::Unknown;
    };
    let mean = before.iter().sum::<f64>() / before.len() as f64;
    if *last > mean * 1.1 {
        Trend::Rising
    } else if *last < mean * 0.9 {
        Trend::Falling
    } else {
        Trend::Steady
    }
}

fn evidence(id: &str, window: &Window<'_>) -> Vec<Evidence> {
    let days = window.days();
    let newest = |of: fn(&Day) -> &Vec<u64>, why: &str| {
        let positions = days.iter().rev().flat_map(|day| of(day).iter().rev());
        positions.take(EVIDENCE_MAX).map(|position| shown(*position, why.to_owned())).collect::<Vec<_>>()
    };
    match id {
        "p95" => {
            let mut slowest: Vec<(u64, u64)> =
                days.iter().flat_map(|day| day.slowest.iter().copied()).collect();
            slowest.sort_unstable_by(|one, other| other.cmp(one));
            slowest.truncate(EVIDENCE_MAX);
            slowest.into_iter().map(|(micros, position)| shown(position, slow(micros))).collect()
        }
        "errors" => newest(|day| &day.failures, "a failure"),
        "cache-misses" => newest(|day| &day.missed, "a sandbox had to be made"),
        "sandboxes" => {
            let top = days.iter().max_by_key(|day| day.peak).filter(|day| day.peak > 0);
            top.map(|day| shown(day.peak_position, format!("then {} ran", day.peak))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[allow(clippy::cast_precision_loss)] // for display
fn slow(micros: u64) -> String {
    format!("it took {:.2} s", micros as f64 / 1e6)
}

fn shown(position: u64, why: String) -> Evidence {
    let command = format!("gitledger events --json --after {} | head -1", position.saturating_sub(1));
    Evidence { position, why, command }
}
