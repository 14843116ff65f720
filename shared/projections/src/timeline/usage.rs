//! How much the sandboxes had run by each of many instants, in one pass.

use jiff::Timestamp;

use super::Timeline;
use crate::cost::windows::DAY_MICROS;
use crate::cost::{Exact, NanoDollars, Prices, ResourceTime, Usage};

/// Resource time as it can be subtracted; never negative when read off in order.
type Sum = [i128; 3];

/// What was used from the beginning of the ledger until each of some instants.
pub struct Used {
    /// Sorted, without repeats; microseconds since the epoch.
    instants: Vec<i64>,
    sums: Vec<Sum>,
}

impl Timeline {
    /// The usage by each of these instants; what still runs is cut at `now`.
    pub fn used_by(&self, mut instants: Vec<i64>, now: Timestamp) -> Used {
        // Prices are of days: each midnight between them is one of the instants.
        let ends = instants.iter().min().copied().zip(instants.iter().max().copied());
        let days =
            ends.map_or(0..0, |(first, last)| first.div_euclid(DAY_MICROS)..last.div_euclid(DAY_MICROS));
        instants.extend(days.map(|day| (day + 1) * DAY_MICROS));
        instants.sort_unstable();
        instants.dedup();
        // Between two instants the usage grows by a rate; each stretch changes the rate twice.
        let mut rates = vec![[0i128; 3]; instants.len() + 1];
        let mut starts = vec![[0i128; 3]; instants.len() + 1];
        for stretch in self.runs.all(now) {
            let size = stretch.size();
            let size = [size.running_micros, size.vcpu_micros, size.mib_micros];
            let size = size.map(|part| i128::try_from(part).unwrap_or(0));
            let first = instants.partition_point(|at| *at <= stretch.span.from);
            let after = instants.partition_point(|at| *at < stretch.span.until);
            let (from, until) = (i128::from(stretch.span.from), i128::from(stretch.span.until));
            for part in 0..3 {
                rates[first][part] += size[part];
                starts[first][part] -= size[part] * from;
                rates[after][part] -= size[part];
                starts[after][part] += size[part] * until;
            }
        }
        let (mut rate, mut start) = ([0i128; 3], [0i128; 3]);
        let sums = instants.iter().enumerate().map(|(index, at)| {
            for part in 0..3 {
                rate[part] += rates[index][part];
                start[part] += starts[index][part];
            }
            std::array::from_fn(|part| rate[part] * i128::from(*at) + start[part])
        });
        let sums = sums.collect();
        Used { instants, sums }
    }
}

impl Used {
    /// What the time from one of the instants to another costs, by the prices of each day.
    pub fn cost(&self, prices: &Prices, from: i64, until: i64) -> NanoDollars {
        let mut exact = Exact::ZERO;
        let mut start = from;
        while start < until {
            let day = start.div_euclid(DAY_MICROS);
            let end = until.min((day + 1) * DAY_MICROS);
            exact += prices.exact(day, &Usage::from(self.between(start, end)));
            start = end;
        }
        exact.rounded()
    }

    fn between(&self, from: i64, until: i64) -> ResourceTime {
        let at = |instant: i64| {
            self.instants.binary_search(&instant).ok().map_or([0; 3], |index| self.sums[index])
        };
        let (before, after) = (at(from), at(until));
        let part = |index: usize| u128::try_from(after[index] - before[index]).unwrap_or(0);
        ResourceTime { running_micros: part(0), vcpu_micros: part(1), mib_micros: part(2) }
    }
}
