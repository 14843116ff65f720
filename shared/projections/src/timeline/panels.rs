//! The twelve panels of the dashboard, straight from the operations of a window, by event time.
//!
//! No estimate from samples: a percentile is that of the durations themselves (nearest rank), a rate is what
//! happened divided by the time it happened in.

use std::collections::HashMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::millis;
use super::names::Name;
use super::row::{End, Ended, Row};
use super::{Timeline, Window};
use crate::bounded::OTHER;
use crate::cost::estimate;
use crate::cost::windows::DAY_MICROS;
use crate::cost::{NanoDollars, Prices};
use crate::metrics::definitions::SANDBOX_CREATION;
use crate::verdict::Measured;

/// So many operations have a line of their own; the rest is `other`.
const LINES_MAX: usize = 7;

/// Everything that the panels show of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Panels {
    /// The window's beginning: that of its first step.
    pub from: Timestamp,
    /// The window's end, which is not part of it.
    pub until: Timestamp,
    /// How long a step is, in seconds.
    pub step_s: u64,
    /// How many steps there are; every list of values is so long.
    pub steps: usize,
    /// Operations that succeeded in the window.
    pub succeeded: u64,
    /// Operations that failed in the window.
    pub failed: u64,
    /// Operations that began in the window and have no outcome.
    pub open: u64,
    /// Panel 1: succeeded of those that ended, 0 to 1; `null` without any.
    pub success_ratio: Option<f64>,
    /// Panel 2: the duration that 95 of 100 operations do not exceed, in milliseconds, by operation.
    pub p95_ms: Vec<Line<Option<f64>>>,
    /// The same over all operations.
    pub p95_all_ms: Option<f64>,
    /// Panel 3: sandboxes.
    pub sandboxes: Running,
    /// Panels 4 and 10: operations that ended, by operation.
    pub operations: Vec<Line<u64>>,
    /// Panel 5: failures by coarse type.
    pub errors: Vec<Line<u64>>,
    /// Panel 6: how long sandboxes took to be made.
    pub creation: Heat,
    /// Panel 7: leases that found a sandbox.
    pub cache: Cache,
    /// Panels 8 and 9: what sandboxes cost.
    pub cost: Spent,
    /// Panel 11: pushes tried again, by the number of the retry.
    pub retries: Vec<Line<u64>>,
    /// Panel 12: conflicts that git could not resolve, by operation.
    pub conflicts: Vec<Line<u64>>,
}

/// A value per step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line<T> {
    /// What the line is of.
    pub name: String,
    /// The value of the whole window.
    pub whole: T,
    /// The values by step.
    pub values: Vec<T>,
}

/// How many sandboxes ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Running {
    /// At the end of the window, or now where that is earlier.
    pub now: u64,
    /// The most at once in the window.
    pub peak: u64,
    /// The most at once, by step.
    pub values: Vec<u64>,
}

/// Counts by duration and step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heat {
    /// Upper bounds in seconds, without the last (infinite) one.
    pub bounds_s: Vec<f64>,
    /// For each step the counts by bound, one more than there are bounds.
    pub counts: Vec<Vec<u64>>,
    /// How many in all.
    pub whole: u64,
}

/// Leases by whether a sandbox was there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    /// It was: ready, paused or warm.
    pub hits: u64,
    /// One had to be made.
    pub misses: u64,
    /// Hits of both, 0 to 1; `null` without any.
    pub hit_ratio: Option<f64>,
}

/// What sandboxes cost, in billionths of a dollar, by the prices of each day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spent {
    /// In the window.
    pub window_nano: NanoDollars,
    /// The calendar month (UTC) so far, and the rest of it at the rate of the last 24 hours.
    pub monthly_nano: NanoDollars,
    /// The last 24 hours, from a whole minute on.
    pub last_day_nano: NanoDollars,
    /// The 24 hours before the end of each step.
    pub daily_nano: Vec<NanoDollars>,
    /// The price lists that were added up.
    pub prices: Vec<String>,
}

impl Timeline {
    /// The panels of a window, at an instant that no event is later than.
    pub fn panels(&self, window: &Window, prices: &Prices, now: Timestamp) -> Panels {
        let (operations, p95_ms, p95_all_ms) = self.by_operation(window);
        let inside = |row: &&Row| window.contains(row.at());
        let failed = self.rows.iter().filter(inside).filter(|row| row.failed()).count() as u64;
        let open = self.rows.iter().filter(inside).filter(|row| row.end.is_none()).count() as u64;
        let ended: u64 = operations.iter().map(|line| line.whole).sum();
        let succeeded = ended - failed;
        let conflicts = self.conflicts.iter().map(|(at, name)| (*at, *name));
        let retries = self.retries.iter().map(|(at, retry)| (*at, *retry));
        Panels {
            from: instant(window.from()),
            until: instant(window.until()),
            step_s: u64::try_from(window.step() / 1_000_000).unwrap_or(0),
            steps: window.len(),
            succeeded,
            failed,
            open,
            success_ratio: ratio(succeeded, ended),
            p95_ms,
            p95_all_ms,
            sandboxes: self.running(window, now),
            operations,
            errors: self.errors(window),
            creation: self.creation(window),
            cache: self.cache(window),
            cost: self.spent(window, prices, now),
            retries: counted(window, retries, |retry| retry.to_string()),
            conflicts: counted(window, conflicts, |name| self.names.word(name).to_owned()),
        }
    }

    fn ended<'t>(&'t self, window: &'t Window) -> impl Iterator<Item = (&'t Row, End, usize)> {
        self.rows.iter().filter_map(|row| {
            let end = row.end?;
            Some((row, end, window.index(end.at)?))
        })
    }

    #[allow(clippy::type_complexity)] // two panels of the same rows, in one pass
    fn by_operation(&self, window: &Window) -> (Vec<Line<u64>>, Vec<Line<Option<f64>>>, Option<f64>) {
        let mut totals: HashMap<Name, u64> = HashMap::new();
        self.ended(window).for_each(|(row, ..)| *totals.entry(row.name).or_default() += 1);
        let mut ranked: Vec<(Name, u64)> = totals.into_iter().collect();
        ranked.sort_by_key(|(name, total)| (std::cmp::Reverse(*total), self.names.word(*name).to_owned()));
        let shown: Vec<Name> = ranked.iter().take(LINES_MAX).map(|(name, _)| *name).collect();
        let places: HashMap<Name, usize> =
            shown.iter().enumerate().map(|(place, name)| (*name, place)).collect();

        let rest = usize::from(ranked.len() > LINES_MAX);
        let mut counts = vec![vec![0u64; window.len()]; shown.len() + rest];
        let mut durations: Vec<Vec<Vec<u64>>> = vec![vec![Vec::new(); window.len()]; shown.len() + rest];
        for (row, end, step) in self.ended(window) {
            let place = places.get(&row.name).copied().unwrap_or(shown.len());
            counts[place][step] += 1;
            durations[place][step].extend(end.duration);
        }
        let word = |place: usize| shown.get(place).map_or(OTHER, |name| self.names.word(*name)).to_owned();
        let operations = counts.into_iter().enumerate().map(|(place, values)| Line {
            name: word(place),
            whole: values.iter().sum(),
            values,
        });
        let mut all = Vec::new();
        let p95 = durations.into_iter().enumerate().map(|(place, mut steps)| {
            let mut whole: Vec<u64> = steps.iter().flatten().copied().collect();
            all.extend_from_slice(&whole);
            let values = steps.iter_mut().map(|durations| percentile_95(durations)).collect();
            Line { name: word(place), whole: percentile_95(&mut whole), values }
        });
        let p95 = p95.filter(|line: &Line<Option<f64>>| line.whole.is_some()).collect();
        (operations.collect(), p95, percentile_95(&mut all))
    }

    fn errors(&self, window: &Window) -> Vec<Line<u64>> {
        let failed = self.ended(window).filter_map(|(_, end, _)| match end.how {
            Ended::Failed { error_type, .. } => Some((end.at, error_type)),
            Ended::Succeeded => None,
        });
        counted(window, failed, |name| self.names.word(name).to_owned())
    }

    fn creation(&self, window: &Window) -> Heat {
        let bounds = SANDBOX_CREATION.buckets;
        let mut heat = Heat {
            bounds_s: bounds.to_vec(),
            counts: vec![vec![0; bounds.len() + 1]; window.len()],
            whole: 0,
        };
        for (at, took) in &self.creations {
            let Some(step) = window.index(*at) else { continue };
            let seconds = millis(*took) / 1000.0;
            heat.counts[step][bounds.partition_point(|bound| *bound < seconds)] += 1;
            heat.whole += 1;
        }
        heat
    }

    fn cache(&self, window: &Window) -> Cache {
        let inside = self.leases.iter().filter(|(at, _)| window.contains(*at));
        let (hits, all) = inside.fold((0, 0), |(hits, all), (_, hit)| (hits + u64::from(*hit), all + 1));
        Cache { hits, misses: all - hits, hit_ratio: ratio(hits, all) }
    }

    fn running(&self, window: &Window, now: Timestamp) -> Running {
        let (from, until) = (window.from(), window.until().min(now.as_microsecond() + 1));
        let runs = self
            .runs
            .all(now)
            .map(|stretch| stretch.span)
            .filter(|run| run.until > from && run.from < until && run.micros() > 0);
        let mut changes: Vec<(i64, i64)> = runs.flat_map(|run| [(run.from, 1), (run.until, -1)]).collect();
        // An end before a beginning at the same instant: they were not there at once.
        changes.sort_unstable();
        let mut values = vec![0u64; window.len()];
        let (mut count, mut filled) = (0i64, 0usize);
        let mut at_most = |step: usize, count: i64| {
            let count = u64::try_from(count).unwrap_or(0);
            if let Some(value) = values.get_mut(step) {
                *value = (*value).max(count);
            }
        };
        for (at, change) in changes {
            // Until this instant there were as many as before, in every step since the last change.
            let step = window.index(at.clamp(from, until - 1)).unwrap_or(0);
            (filled..=step).for_each(|between| at_most(between, if at > from { count } else { 0 }));
            filled = step;
            count += change;
            if at < until {
                at_most(step, count);
            }
        }
        let peak = values.iter().copied().max().unwrap_or(0);
        let at_end = if now.as_microsecond() < window.until() {
            self.runs.running(now) as u64
        } else {
            let last = window.until() - 1;
            let spans = self.runs.all(now).map(|stretch| stretch.span);
            spans.filter(|run| (run.from..run.until).contains(&last)).count() as u64
        };
        Running { now: at_end, peak, values }
    }

    fn spent(&self, window: &Window, prices: &Prices, now: Timestamp) -> Spent {
        // In the past: as it was then.
        let at = instant(now.as_microsecond().min(window.until()));
        let [_, day, month] = estimate::spans(at);
        let day_before = |at: i64| at.saturating_sub(DAY_MICROS);
        let instants = window.ends().flat_map(|end| [end, day_before(end)]);
        let named = [window.from(), window.until(), at.as_microsecond(), day.from, month.from];
        let used = self.used_by(instants.chain(named).collect(), now);
        let last_day_nano = used.cost(prices, day.from, at.as_microsecond());
        let so_far = used.cost(prices, month.from, at.as_microsecond());
        Spent {
            window_nano: used.cost(prices, window.from(), window.until()),
            monthly_nano: estimate::monthly(so_far, last_day_nano, at),
            last_day_nano,
            daily_nano: window.ends().map(|end| used.cost(prices, day_before(end), end)).collect(),
            prices: prices.used().to_vec(),
        }
    }
}

impl Panels {
    /// What the verdict is made from.
    pub fn measured(&self) -> Measured {
        Measured {
            p95_s: self.p95_all_ms.map(|millis| millis / 1000.0),
            error_ratio: self.success_ratio.map(|ratio| 1.0 - ratio),
            monthly_dollars: Some(self.cost.monthly_nano.as_dollars_f64()),
            miss_ratio: self.cache.hit_ratio.map(|ratio| 1.0 - ratio),
            sandboxes_at_once: self.sandboxes.peak,
        }
    }
}

/// Counts by what and step; the most frequent first.
fn counted<K: Copy + Eq + std::hash::Hash>(
    window: &Window,
    events: impl Iterator<Item = (i64, K)>,
    word: impl Fn(K) -> String,
) -> Vec<Line<u64>> {
    let mut lines: HashMap<K, Vec<u64>> = HashMap::new();
    for (at, key) in events {
        let Some(step) = window.index(at) else { continue };
        lines.entry(key).or_insert_with(|| vec![0; window.len()])[step] += 1;
    }
    let line = |(key, values): (K, Vec<u64>)| Line { name: word(key), whole: values.iter().sum(), values };
    let mut lines: Vec<Line<u64>> = lines.into_iter().map(line).collect();
    lines.sort_by(|one, other| other.whole.cmp(&one.whole).then_with(|| one.name.cmp(&other.name)));
    lines
}

/// Nearest rank, in milliseconds.
fn percentile_95(micros: &mut [u64]) -> Option<f64> {
    let rank = (micros.len() * 95).div_ceil(100).checked_sub(1)?;
    let (_, found, _) = micros.select_nth_unstable(rank);
    Some(millis(*found))
}

#[allow(clippy::cast_precision_loss)] // a share of at most a million
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn instant(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or_default()
}
