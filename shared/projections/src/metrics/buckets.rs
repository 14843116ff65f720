//! Counts and exact sums per bucket: what a histogram needs to be replayed.

use gitledger_events::Elapsed;
use serde::{Deserialize, Serialize};

/// The state of one histogram. Its bounds are its metric's; the last bucket has no upper bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    counts: Vec<u64>,
    sums: Vec<Elapsed>,
}

impl Buckets {
    /// Takes in a duration; a bound belongs to the bucket below it.
    pub fn observe(&mut self, duration: Elapsed, bounds: &[f64]) {
        self.size(bounds);
        let bucket = bounds.partition_point(|bound| *bound < duration.as_secs_f64());
        if let (Some(count), Some(sum)) = (self.counts.get_mut(bucket), self.sums.get_mut(bucket)) {
            *count += 1;
            *sum += duration;
        }
    }

    /// Adds another histogram with the same bounds.
    pub fn add(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        self.sums.resize(self.counts.len(), Elapsed::ZERO);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += *more;
        }
    }

    /// Makes room for the buckets of these bounds.
    pub fn size(&mut self, bounds: &[f64]) {
        self.counts.resize(bounds.len() + 1, 0);
        self.sums.resize(bounds.len() + 1, Elapsed::ZERO);
    }

    /// How many durations each bucket has (not cumulated), and their sums in seconds.
    pub fn into_parts(self) -> (Vec<u64>, Vec<f64>) {
        (self.counts, self.sums.into_iter().map(Elapsed::as_secs_f64).collect())
    }
}
