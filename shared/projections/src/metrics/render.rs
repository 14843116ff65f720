//! A snapshot as Prometheus text (exposition format 0.0.4): families sorted by name, bounds as canonical floats (`1.0`,
//! or histories of different Prometheus versions do not join).
//!
//! `metrics-exporter-prometheus` writes what a family is. Its recorder is not used, which takes histograms sample by
//! sample only and knows no counters with decimals, nor its escaping of labels, which takes two backslashes for one
//! that is escaped already. The tests compare with the recorder.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use metrics_exporter_prometheus::formatting::{write_help_line, write_type_line};

use super::board::definition;
use super::definitions::Kind;
use super::snapshot::{Count, HistogramValue, MetricsSnapshot};

/// The text, with a final newline.
pub fn render(snapshot: &MetricsSnapshot) -> String {
    let mut families = BTreeMap::<&str, String>::new();
    for series in &snapshot.counters {
        let family = families.entry(&series.name).or_default();
        counter(family, &series.name, &labels(&series.labels), series.value, "");
    }
    for series in &snapshot.gauges {
        let family = families.entry(&series.name).or_default();
        sample(family, &series.name, "", &labels(&series.labels), series.value, "");
    }
    for series in &snapshot.histograms {
        let family = families.entry(&series.name).or_default();
        histogram(family, &series.name, &labels(&series.labels), &series.value, "");
    }
    let mut text = String::with_capacity(families.values().map(|family| family.len() + 200).sum());
    for (name, samples) in families {
        text.push_str(&comments(name));
        text.push_str(&samples);
    }
    text
}

/// What a family is.
pub(super) fn comments(name: &str) -> String {
    let Some(metric) = definition(name) else { return String::new() };
    let kind = match metric.kind {
        Kind::Counter | Kind::FractionalCounter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let mut text = String::new();
    write_help_line(&mut text, name, None, None, metric.help);
    write_type_line(&mut text, name, None, None, kind);
    text
}

/// `a="b",c="d"`.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{name}=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

pub(super) fn counter(text: &mut String, name: &str, labels: &str, value: Count, at: &str) {
    match value {
        Count::Whole(number) => sample(text, name, "", labels, number, at),
        Count::Fraction(number) => sample(text, name, "", labels, number, at),
    }
}

/// The buckets, cumulated, the sum and the count; so many samples.
pub(super) fn histogram(
    text: &mut String,
    name: &str,
    labels: &str,
    value: &HistogramValue,
    at: &str,
) -> usize {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut below = 0;
    for (bucket, number) in value.counts.iter().enumerate() {
        below += number;
        let bound = value.bounds.get(bucket).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
        sample(text, name, "_bucket", &format!("{labels}{comma}le=\"{bound}\""), below, at);
    }
    sample(text, name, "_sum", labels, value.sums.iter().sum::<f64>(), at);
    sample(text, name, "_count", labels, below, at);
    value.counts.len() + 2
}

/// One line; `at` is empty, or a blank and seconds.
pub(super) fn sample(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: &str,
    value: impl Display,
    at: &str,
) {
    let _ = if labels.is_empty() {
        writeln!(text, "{name}{suffix} {value}{at}")
    } else {
        writeln!(text, "{name}{suffix}{{{labels}}} {value}{at}")
    };
}
