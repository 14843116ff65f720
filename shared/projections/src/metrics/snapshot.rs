//! The numbers at one instant. Every output is a rendering of this.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// All metrics after the event at `position`, at the instant `at`. Sorted by name and labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsSnapshot {
    /// The last event contained. An exporter drops a snapshot that is older than what it has shown.
    pub position: u64,
    /// The version of the fold; it belongs into the pushed group's key, because another fold's totals
    /// may be lower.
    pub projection_version: u32,
    /// The instant that "now" stands for.
    pub at: Timestamp,
    /// Numbers that only rise.
    pub counters: Vec<Series<Count>>,
    /// Numbers that rise and fall.
    pub gauges: Vec<Series<f64>>,
    /// Durations in buckets.
    pub histograms: Vec<Series<HistogramValue>>,
}

/// One series: name, labels, value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series<T> {
    /// The metric's name.
    pub name: String,
    /// Label by label.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: T,
}

/// The value of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// Of things.
    Whole(u64),
    /// Of hours or dollars.
    Fraction(f64),
}

impl Count {
    /// As a number.
    #[allow(clippy::cast_precision_loss)] // as Prometheus has it
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Fraction(number) => number,
        }
    }
}

/// The value of a histogram. `counts` and `sums` have one more entry than `bounds`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramValue {
    /// Upper bounds in seconds, each belonging to its bucket.
    pub bounds: Vec<f64>,
    /// How many in each bucket, not cumulated.
    pub counts: Vec<u64>,
    /// The sum in each bucket, in seconds.
    pub sums: Vec<f64>,
}

impl MetricsSnapshot {
    /// Says under which fence it is published.
    pub fn set_epoch(&mut self, epoch: u64) {
        let name = super::definitions::PROJECTOR_EPOCH.name;
        #[allow(clippy::cast_precision_loss)] // as Prometheus has it
        for series in self.gauges.iter_mut().filter(|series| series.name == name) {
            series.value = epoch as f64;
        }
    }

    /// Every sample as Prometheus keeps it: histograms as buckets, cumulated, sum and count.
    #[allow(clippy::cast_precision_loss)] // as Prometheus has it
    pub fn samples(&self) -> Vec<Series<f64>> {
        let plain = |name: &str, labels: &BTreeMap<String, String>, value| Series {
            name: name.to_owned(),
            labels: labels.clone(),
            value,
        };
        let counters = self.counters.iter().map(|one| plain(&one.name, &one.labels, one.value.as_f64()));
        let gauges = self.gauges.iter().map(|one| plain(&one.name, &one.labels, one.value));
        let mut samples: Vec<Series<f64>> = counters.chain(gauges).collect();
        for series in &self.histograms {
            let mut below = 0;
            for (bucket, count) in series.value.counts.iter().enumerate() {
                below += count;
                let bound = series.value.bounds.get(bucket);
                let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
                let mut sample = plain(&format!("{}_bucket", series.name), &series.labels, below as f64);
                sample.labels.insert("le".to_owned(), bound);
                samples.push(sample);
            }
            let sum = series.value.sums.iter().sum();
            samples.push(plain(&format!("{}_sum", series.name), &series.labels, sum));
            samples.push(plain(&format!("{}_count", series.name), &series.labels, below as f64));
        }
        samples
    }

    /// The value of one counter.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        find(&self.counters, name, labels).map(|count| count.as_f64())
    }

    /// The value of one gauge.
    pub fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        find(&self.gauges, name, labels).copied()
    }

    /// The value of one histogram.
    pub fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Option<&HistogramValue> {
        find(&self.histograms, name, labels)
    }
}

fn find<'a, T>(series: &'a [Series<T>], name: &str, labels: &[(&str, &str)]) -> Option<&'a T> {
    let same = |series: &&Series<T>| {
        series.name == name
            && series.labels.len() == labels.len()
            && labels.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|v| v == value))
    };
    series.iter().find(same).map(|series| &series.value)
}
