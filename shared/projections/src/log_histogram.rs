//! Durations in bounded room: exact counts in buckets that are at most 1/128 of their value wide.

use std::collections::BTreeMap;

use gitledger_events::Elapsed;
use serde::{Deserialize, Serialize};

/// Steps per power of two are `2^PRECISION`.
const PRECISION: u32 = 7;

/// A histogram of durations whose quantiles are right to 0.4 %: half a bucket. At most 7 424 buckets,
/// whatever comes in; only those that are in use are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHistogram {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    sum: Elapsed,
    min: Elapsed,
    max: Elapsed,
}

impl LogHistogram {
    /// Takes in a duration.
    pub fn record(&mut self, duration: Elapsed) {
        let first = self.count == 0;
        self.min = if first { duration } else { self.min.min(duration) };
        self.max = self.max.max(duration);
        self.count += 1;
        self.sum += duration;
        *self.buckets.entry(bucket_of(duration.as_micros())).or_default() += 1;
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, exact.
    pub fn sum(&self) -> Elapsed {
        self.sum
    }

    /// The smallest, exact.
    pub fn min(&self) -> Elapsed {
        self.min
    }

    /// The greatest, exact.
    pub fn max(&self) -> Elapsed {
        self.max
    }

    /// The duration that `percent` of 100 do not exceed (nearest rank); `None` when there is none.
    pub fn percentile(&self, percent: u32) -> Option<Elapsed> {
        let rank = (u128::from(self.count) * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0u128;
        let (bucket, _) = self.buckets.iter().find(|(_, count)| {
            seen += u128::from(**count);
            seen >= rank
        })?;
        let middle = Elapsed::from_micros(middle_of(*bucket));
        Some(middle.clamp(self.min, self.max))
    }
}

/// The first `2^(PRECISION + 1)` values have a bucket each; above, each power of two has `2^PRECISION`.
pub(crate) fn bucket_of(value: u64) -> u32 {
    let shift = (64 - value.leading_zeros()).saturating_sub(PRECISION + 1);
    let mantissa = u32::try_from(value >> shift).unwrap_or(u32::MAX);
    (shift << PRECISION) + mantissa
}

pub(crate) fn middle_of(bucket: u32) -> u64 {
    let shift = (bucket >> PRECISION).saturating_sub(1);
    let mantissa = u64::from(bucket - (shift << PRECISION));
    let low = mantissa << shift;
    low + ((1u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use gitledger_events::Elapsed;

    use super::{LogHistogram, bucket_of, middle_of};

    #[test]
    fn a_bucket_is_never_half_a_percent_off() {
        let mut value = 1u64;
        while value < u64::MAX / 3 {
            for value in [value - 1, value, value + 1, value + value / 3] {
                let error = middle_of(bucket_of(value)).abs_diff(value);
                assert!(u128::from(error) * 200 <= u128::from(value), "{value}: {error}");
            }
            value *= 2;
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list_within_a_percent() {
        let mut histogram = LogHistogram::default();
        let mut all: Vec<u64> = (0..10_007u64).map(|n| n * n * 7919 % 9_999_991).collect();
        for micros in &all {
            histogram.record(Elapsed::from_micros(*micros));
        }
        all.sort_unstable();
        for percent in [1, 50, 95, 99, 100] {
            let exact = all[(all.len() * percent as usize).div_ceil(100) - 1];
            let found = histogram.percentile(percent).unwrap().as_micros();
            assert!(found.abs_diff(exact) * 100 <= exact, "p{percent}: {found} for {exact}");
        }
        assert_eq!(LogHistogram::default().percentile(50), None);
    }
}
