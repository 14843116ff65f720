//! Many durations in one flat array: the buckets of [`LogHistogram`](crate::log_histogram::LogHistogram).

use crate::log_histogram::{bucket_of, middle_of};

/// A histogram of durations in microseconds whose quantiles are right to 0.4 %. Up to 60 KB: for a fold that is
/// kept in memory, not for a state that is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    counts: Vec<u32>,
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
}

impl Durations {
    /// Takes in a duration.
    pub fn record(&mut self, micros: u64) {
        let bucket = bucket_of(micros) as usize;
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.min = if self.count == 0 { micros } else { self.min.min(micros) };
        self.max = self.max.max(micros);
        self.count += 1;
        self.sum = self.sum.saturating_add(micros);
    }

    /// Takes in all of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, exact.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The greatest, exact.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The duration that `percent` of 100 do not exceed (nearest rank); `None` when there is none.
    pub fn percentile(&self, percent: u32) -> Option<u64> {
        self.ranked((u128::from(self.count) * u128::from(percent.min(100))).div_ceil(100).max(1))
    }

    /// The duration of this rank, from 1; `None` when there are fewer.
    pub fn ranked(&self, rank: u128) -> Option<u64> {
        let mut seen = 0u128;
        let bucket = self.counts.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        })?;
        let middle = middle_of(u32::try_from(bucket).ok()?);
        Some(middle.clamp(self.min, self.max))
    }

    /// How many are longer, give or take the width of a bucket.
    pub fn longer_than(&self, micros: u64) -> u64 {
        let bucket = bucket_of(micros) as usize;
        self.counts.iter().skip(bucket + 1).map(|count| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use gitledger_events::Elapsed;

    use super::Durations;
    use crate::log_histogram::LogHistogram;

    #[test]
    fn it_says_what_the_saved_histogram_says() {
        let (mut flat, mut saved, mut halves) = (Durations::default(), LogHistogram::default(), Vec::new());
        for number in 0..5000u64 {
            let micros = number * number * 7919 % 9_999_991;
            flat.record(micros);
            saved.record(Elapsed::from_micros(micros));
            halves.resize(2, Durations::default());
            halves[usize::from(number % 3 == 0)].record(micros);
        }
        for percent in [1, 50, 95, 99, 100] {
            assert_eq!(flat.percentile(percent), saved.percentile(percent).map(Elapsed::as_micros));
        }
        let mut joined = halves[0].clone();
        joined.merge(&halves[1]);
        assert_eq!(joined, flat);
        assert_eq!((flat.longer_than(20_000_000), flat.longer_than(0) > 4900), (0, true));
        assert_eq!(Durations::default().percentile(95), None);
    }
}
