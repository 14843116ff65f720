//! Usage by minute of the last day and by day: enough for "the last hour", "the last 24 hours", "this month" and
//! "ever" at any price list, in bounded room.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Usage;
use super::meter::Metered;
use crate::running::Span;

/// One minute, in microseconds.
pub const MINUTE_MICROS: i64 = 60_000_000;
/// One day (UTC has no other), in microseconds.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// A day, the minute that is going on, and some for clocks that are ahead.
const MINUTES_KEPT: usize = 24 * 60 + 60;
/// Three years; what is older counts on the oldest of them.
const DAYS_KEPT: usize = 3 * 366;

/// Usage that has ended, by when it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// By minute since the epoch.
    minutes: BTreeMap<i64, Usage>,
    /// By day since the epoch.
    days: BTreeMap<i64, Usage>,
}

impl Windows {
    /// Takes in a stretch that has ended.
    pub fn add(&mut self, metered: &Metered) {
        let span = metered.span;
        if span.micros() == 0 {
            return;
        }
        self.spread(metered, DAY_MICROS, DAYS_KEPT, true);
        self.spread(metered, MINUTE_MICROS, MINUTES_KEPT, false);
    }

    /// Takes in what was used at an instant, in microseconds since 1970.
    pub fn add_at(&mut self, at: i64, usage: &Usage) {
        *self.minutes.entry(at.div_euclid(MINUTE_MICROS)).or_default() += *usage;
        *self.days.entry(at.div_euclid(DAY_MICROS)).or_default() += *usage;
        self.trim();
    }

    /// By day, the usage since the beginning of a minute (in microseconds) of the last 24 hours.
    pub fn since_minute(&self, from: i64) -> impl Iterator<Item = (i64, Usage)> {
        let first = from.div_euclid(MINUTE_MICROS);
        let day = |minute: i64| minute.saturating_mul(MINUTE_MICROS).div_euclid(DAY_MICROS);
        self.minutes.range(first..).map(move |(minute, usage)| (day(*minute), *usage))
    }

    /// By day, the usage since the beginning of a day (in microseconds).
    pub fn since_day(&self, from: i64) -> impl Iterator<Item = (i64, Usage)> {
        self.days.range(from.div_euclid(DAY_MICROS)..).map(|(day, usage)| (*day, *usage))
    }

    /// Cuts a stretch into buckets. What is too long ago for a bucket of its own is put on the oldest, or left out.
    fn spread(&mut self, metered: &Metered, width: i64, keep: usize, whole: bool) {
        let span = metered.span;
        let last = span.until.saturating_sub(1).div_euclid(width);
        let oldest = last.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
        let first = span.from.div_euclid(width).max(oldest);
        let buckets = if whole { &mut self.days } else { &mut self.minutes };
        for number in first..=last {
            let start = number.saturating_mul(width);
            let from = if whole && number == first { span.from.min(start) } else { start };
            let bucket = Span::new(from, start.saturating_add(width));
            *buckets.entry(number).or_default() += metered.usage_within(bucket).into();
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.minutes.len() > MINUTES_KEPT {
            self.minutes.pop_first();
        }
        while self.days.len() > DAYS_KEPT
            && let Some((_, old)) = self.days.pop_first()
        {
            if let Some(mut oldest) = self.days.first_entry() {
                *oldest.get_mut() += old;
            }
        }
    }
}
