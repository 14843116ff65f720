//! Snapshots of the past as OpenMetrics text with timestamps, for `promtool tsdb create-blocks-from openmetrics`.
//!
//! Families are told once, at the beginning; then come the samples, instant by instant: promtool takes them in any order
//! of families, as long as each series' own are in order of time.

use jiff::Timestamp;

use super::definitions::METRICS;
use super::render::{comments, counter, histogram, labels, sample};
use super::snapshot::{MetricsSnapshot, Series};

/// The last line.
pub const END: &str = "# EOF\n";

/// What every family is. Named as the samples are: promtool does not know OpenMetrics' rule of the suffix.
pub fn head() -> String {
    METRICS.iter().map(|metric| comments(metric.name)).collect()
}

/// The samples of one instant, with the labels that the live ones have.
pub struct Samples<'a> {
    job: &'a str,
    instance: &'a str,
    /// Counters and histograms that are zero here are left out: they have never been anything else.
    last: Option<&'a MetricsSnapshot>,
}

impl<'a> Samples<'a> {
    /// With these labels; of what has counted something by the last snapshot, or of everything.
    pub fn new(job: &'a str, instance: &'a str, last: Option<&'a MetricsSnapshot>) -> Self {
        Self { job, instance, last }
    }

    /// Appends a snapshot's samples; how many.
    pub fn write(&self, snapshot: &MetricsSnapshot, text: &mut String) -> usize {
        let at = seconds(snapshot.at);
        let mut count = 0;
        for (index, series) in snapshot.counters.iter().enumerate() {
            let last = self.last.and_then(|last| last.counters.get(index));
            if last.is_none_or(|last| last.value.as_f64() > 0.0) {
                counter(text, &series.name, &self.labels(series), series.value, &at);
                count += 1;
            }
        }
        for series in &snapshot.gauges {
            sample(text, &series.name, "", &self.labels(series), series.value, &at);
            count += 1;
        }
        for (index, series) in snapshot.histograms.iter().enumerate() {
            let last = self.last.and_then(|last| last.histograms.get(index));
            if last.is_none_or(|last| last.value.counts.iter().any(|count| *count > 0)) {
                count += histogram(text, &series.name, &self.labels(series), &series.value, &at);
            }
        }
        count
    }

    fn labels<T>(&self, series: &Series<T>) -> String {
        let own = labels(&series.labels);
        let comma = if own.is_empty() { "" } else { "," };
        format!("job=\"{}\",instance=\"{}\"{comma}{own}", self.job, self.instance)
    }
}

/// A blank and the instant, in seconds.
fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!(" {}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
