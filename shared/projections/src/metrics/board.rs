//! Where a snapshot is put together: every bounded series is there from the start, at zero.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::buckets::Buckets;
use super::definitions::{Kind, METRICS, Metric, Vocabulary};
use super::snapshot::{Count, HistogramValue, MetricsSnapshot, Series};

/// Name and label values (in the definition's order).
type Key = (&'static str, Vec<String>);

/// All series, being filled. Label values outside their set are counted under the set's last.
pub struct Board<'a> {
    vocabulary: Vocabulary<'a>,
    counters: BTreeMap<Key, u64>,
    fractions: BTreeMap<Key, f64>,
    gauges: BTreeMap<Key, f64>,
    histograms: BTreeMap<Key, Buckets>,
}

impl<'a> Board<'a> {
    /// Every series of [`METRICS`] with bounded labels, at zero.
    pub fn zeroed(vocabulary: Vocabulary<'a>) -> Self {
        let mut board = Self {
            vocabulary,
            counters: BTreeMap::new(),
            fractions: BTreeMap::new(),
            gauges: BTreeMap::new(),
            histograms: BTreeMap::new(),
        };
        for metric in METRICS {
            for labels in combinations(metric, vocabulary) {
                match metric.kind {
                    Kind::Counter => board.count(metric, &labels, 0),
                    Kind::FractionalCounter => board.count_fraction(metric, &labels, 0.0),
                    Kind::Gauge => board.set(metric, &labels, 0.0),
                    Kind::Histogram => board.add(metric, &labels, &Buckets::default()),
                }
            }
        }
        board
    }

    /// Adds to a counter.
    pub fn count(&mut self, metric: &Metric, labels: &[&str], number: u64) {
        *self.counters.entry(self.key(metric, labels)).or_default() += number;
    }

    /// Adds to a counter of hours or dollars.
    pub fn count_fraction(&mut self, metric: &Metric, labels: &[&str], number: f64) {
        *self.fractions.entry(self.key(metric, labels)).or_default() += number;
    }

    /// Sets a gauge.
    pub fn set(&mut self, metric: &Metric, labels: &[&str], number: f64) {
        self.gauges.insert(self.key(metric, labels), number);
    }

    /// Adds to a histogram.
    pub fn add(&mut self, metric: &Metric, labels: &[&str], buckets: &Buckets) {
        let histogram = self.histograms.entry(self.key(metric, labels)).or_default();
        histogram.size(metric.buckets);
        histogram.add(buckets);
    }

    /// The finished snapshot.
    pub fn finish(self, position: u64, projection_version: u32, at: Timestamp) -> MetricsSnapshot {
        let whole = self.counters.into_iter().map(|(key, number)| (key, Count::Whole(number)));
        let fractions = self.fractions.into_iter().map(|(key, number)| (key, Count::Fraction(number)));
        let counters: BTreeMap<Key, Count> = whole.chain(fractions).collect();
        let histograms = self.histograms.into_iter().map(|(key, buckets)| {
            let (counts, sums) = buckets.into_parts();
            let bounds = definition(key.0).map_or_else(Vec::new, |metric| metric.buckets.to_vec());
            (key, HistogramValue { bounds, counts, sums })
        });
        MetricsSnapshot {
            position,
            projection_version,
            at,
            counters: counters.into_iter().map(series).collect(),
            gauges: self.gauges.into_iter().map(series).collect(),
            histograms: histograms.map(series).collect(),
        }
    }

    fn key(&self, metric: &Metric, values: &[&str]) -> Key {
        let bounded = metric.labels.iter().zip(values).map(|(label, value)| {
            let all = label.values.all(self.vocabulary);
            let known = all.is_empty() || all.contains(value);
            if known { *value } else { all.last().copied().unwrap_or(value) }.to_owned()
        });
        (metric.name, bounded.collect())
    }
}

/// The definition of a metric.
pub fn definition(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

fn series<T>((key, value): (Key, T)) -> Series<T> {
    let (name, values) = key;
    let names = definition(name).map_or(&[][..], |metric| metric.labels);
    let labels = names.iter().map(|label| label.name.to_owned()).zip(values).collect();
    Series { name: name.to_owned(), labels, value }
}

/// Every combination of a metric's label values; none where a label is free.
fn combinations<'a>(metric: &Metric, vocabulary: Vocabulary<'a>) -> Vec<Vec<&'a str>> {
    metric.labels.iter().fold(vec![Vec::new()], |combinations, label| {
        let values = label.values.all(vocabulary);
        let extend = |row: Vec<&'a str>| {
            values.iter().map(move |value| row.iter().copied().chain([*value]).collect()).collect::<Vec<_>>()
        };
        combinations.into_iter().flat_map(extend).collect()
    })
}
