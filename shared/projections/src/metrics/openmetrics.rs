//! Snapshots of the past as OpenMetrics text with timestamps, for `promtool tsdb create-blocks-from openmetrics`.
//!
//! Families are told once, at the beginning; then come the samples, instant by instant: promtool takes them in any order
//! of families, as long as each series' own are in order of time.

use std::fmt::Write;

use jiff::Timestamp;

use super::board::definition;
use super::definitions::{Kind, METRICS};
use super::snapshot::{Count, MetricsSnapshot, Series};

/// The last line.
pub const END: &str = "# EOF\n";

/// What every family is.
pub fn head() -> String {
    let mut text = String::new();
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter | Kind::FractionalCounter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Named as the samples are: promtool does not know OpenMetrics' rule of the suffix.
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} {kind}", metric.name, metric.help, metric.name);
    }
    text
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
            let counted = self
                .last
                .is_none_or(|last| last.counters.get(index).is_none_or(|last| last.value.as_f64() > 0.0));
            if counted {
                let labels = self.labels(series);
                match series.value {
                    Count::Whole(number) => sample(text, &series.name, &labels, number, &at),
                    Count::Fraction(number) => sample(text, &series.name, &labels, number, &at),
                }
                count += 1;
            }
        }
        for series in &snapshot.gauges {
            sample(text, &series.name, &self.labels(series), series.value, &at);
            count += 1;
        }
        for (index, series) in snapshot.histograms.iter().enumerate() {
            let counted = self.last.is_none_or(|last| {
                last.histograms.get(index).is_none_or(|last| last.value.counts.iter().any(|count| *count > 0))
            });
            if counted {
                let labels = self.labels(series);
                let bounds = definition(&series.name).map_or(&[][..], |metric| metric.buckets);
                let bounds = bounds.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
                let mut sum = 0;
                for (bound, number) in bounds.zip(&series.value.counts) {
                    sum += number;
                    let bucket = format!("{labels},le=\"{bound}\"");
                    sample(text, &format!("{}_bucket", series.name), &bucket, sum, &at);
                    count += 1;
                }
                let seconds: f64 = series.value.sums.iter().sum();
                sample(text, &format!("{}_sum", series.name), &labels, seconds, &at);
                sample(text, &format!("{}_count", series.name), &labels, sum, &at);
                count += 2;
            }
        }
        count
    }

    fn labels<T>(&self, series: &Series<T>) -> String {
        let mut labels = format!("job=\"{}\",instance=\"{}\"", self.job, self.instance);
        for (name, value) in &series.labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(labels, ",{name}=\"{value}\"");
        }
        labels
    }
}

fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display, at: &str) {
    let _ = writeln!(text, "{name}{{{labels}}} {value} {at}");
}

fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
