//! Usage by minute of the last day and by day of the last months: enough for "the last hour", "the last
//! 24 hours" and "this month", in bounded room.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ResourceTime;
use super::meter::Metered;
use crate::running::Span;

/// One minute, in microseconds.
pub const MINUTE_MICROS: i64 = 60_000_000;
/// One day (UTC has no other), in microseconds.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// A day and the minute that it started in.
const MINUTES_KEPT: usize = 24 * 60 + 1;
/// The longest month and the one before it.
const DAYS_KEPT: usize = 62;

/// Usage of ended stretches, by when it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// By minute since the epoch.
    minutes: BTreeMap<i64, ResourceTime>,
    /// By day since the epoch.
    days: BTreeMap<i64, ResourceTime>,
}

impl Windows {
    /// Takes in a stretch that has ended.
    pub fn add(&mut self, metered: &Metered) {
        spread(&mut self.minutes, metered, MINUTE_MICROS, MINUTES_KEPT);
        spread(&mut self.days, metered, DAY_MICROS, DAYS_KEPT);
    }

    /// The usage of the span, which must be of the last 24 hours. The minute in which the span begins
    /// counts in proportion.
    pub fn minutes_within(&self, span: Span) -> ResourceTime {
        within(&self.minutes, span, MINUTE_MICROS)
    }

    /// The usage of the span, which must be of the last two months. The day in which it begins counts
    /// in proportion.
    pub fn days_within(&self, span: Span) -> ResourceTime {
        within(&self.days, span, DAY_MICROS)
    }
}

fn spread(buckets: &mut BTreeMap<i64, ResourceTime>, metered: &Metered, width: i64, keep: usize) {
    let span = metered.span;
    if span.micros() == 0 {
        return;
    }
    let last = span.until.saturating_sub(1).div_euclid(width);
    let oldest = last.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
    let first = span.from.div_euclid(width).max(oldest);
    for number in first..=last {
        let start = number.saturating_mul(width);
        let bucket = Span::new(start, start.saturating_add(width));
        *buckets.entry(number).or_default() += metered.usage_within(bucket);
    }
    while buckets.len() > keep {
        buckets.pop_first();
    }
}

fn within(buckets: &BTreeMap<i64, ResourceTime>, span: Span, width: i64) -> ResourceTime {
    let first = span.from.div_euclid(width);
    buckets
        .range(first..)
        .take_while(|(number, _)| number.saturating_mul(width) < span.until)
        .map(|(number, usage)| {
            let start = number.saturating_mul(width);
            // Only the first bucket is cut: what has ended lies before now, wherever in its bucket.
            let inside = Span::new(start.max(span.from), start.saturating_add(width)).micros();
            usage.share(inside, width.unsigned_abs())
        })
        .sum()
}
