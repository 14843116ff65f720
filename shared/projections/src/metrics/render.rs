//! A snapshot as Prometheus text (exposition format 0.0.4).
//!
//! The text is written by `metrics-exporter-prometheus`, into which a fresh recorder is filled for each
//! rendering: its counters never forget a greater value. What it leaves open is settled here: the order
//! (its own is random), `le` as canonical floats (`1.0`, or histories of different Prometheus versions
//! do not join), and the type of counters with decimals, which it knows only as gauges.
//! Its histograms can only be fed sample by sample, so a rendering takes time in proportion to the number
//! of operations ever (about a quarter of a second a million); the room it takes is bounded.

use std::collections::BTreeMap;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::board::definition;
use super::definitions::{Kind, METRICS};
use super::snapshot::{Count, HistogramValue, MetricsSnapshot, Series};

/// The recorder keeps every sample until it is told to sum up; so many it has to hold at most.
const AT_ONCE: usize = 100_000;

/// The text, families sorted by name, series by labels, with a final newline.
pub fn render(snapshot: &MetricsSnapshot) -> Result<String, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| metric.kind == Kind::Histogram) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    ::metrics::with_local_recorder(&recorder, || fill(snapshot, &handle));
    Ok(tidy(&handle.render()))
}

fn fill(snapshot: &MetricsSnapshot, handle: &PrometheusHandle) {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.help),
            Kind::FractionalCounter | Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => ::metrics::describe_histogram!(metric.name, metric.help),
        }
    }
    for series in &snapshot.counters {
        match series.value {
            Count::Whole(count) => {
                ::metrics::counter!(series.name.clone(), &labels(series)).absolute(count);
            }
            Count::Fraction(number) => {
                ::metrics::gauge!(series.name.clone(), &labels(series)).set(number);
            }
        }
    }
    for series in &snapshot.gauges {
        ::metrics::gauge!(series.name.clone(), &labels(series)).set(series.value);
    }
    for series in &snapshot.histograms {
        replay(&::metrics::histogram!(series.name.clone(), &labels(series)), &series.value, handle);
    }
}

fn labels<T>(series: &Series<T>) -> Vec<(String, String)> {
    series.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Records each bucket's mean as often as the bucket has durations: counts are exact, the sum up to
/// rounding. The mean is kept inside its bucket, because rounding can push it over the bound.
fn replay(histogram: &::metrics::Histogram, value: &HistogramValue, handle: &PrometheusHandle) {
    for (bucket, (count, sum)) in value.counts.iter().zip(&value.sums).enumerate() {
        if *count == 0 {
            continue;
        }
        let lower = bucket.checked_sub(1).and_then(|below| value.bounds.get(below));
        let upper = value.bounds.get(bucket).copied().unwrap_or(f64::MAX);
        #[allow(clippy::cast_precision_loss)] // a count of operations
        let mean = sum / *count as f64;
        let inside = mean.max(lower.map_or(0.0, |bound| bound.next_up())).min(upper);
        let mut left = usize::try_from(*count).unwrap_or(usize::MAX);
        while left > 0 {
            let some = left.min(AT_ONCE);
            histogram.record_many(inside, some);
            handle.run_upkeep();
            left -= some;
        }
    }
}

/// One family of the text: its comments, and its samples by series.
#[derive(Default)]
struct Family<'a> {
    help: &'a str,
    kind: &'a str,
    samples: BTreeMap<String, Vec<String>>,
}

fn tidy(text: &str) -> String {
    let mut families = BTreeMap::<&str, Family<'_>>::new();
    let mut current = "";
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            families.entry(name).or_default().help = help;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            current = name;
            families.entry(name).or_default().kind = kind;
        } else if !line.is_empty() {
            let line = canonical_le(line);
            let samples = &mut families.entry(current).or_default().samples;
            samples.entry(series_of(current, &line)).or_default().push(line);
        }
    }
    let mut sorted = String::with_capacity(text.len());
    for (name, family) in families.iter().filter(|(_, family)| !family.samples.is_empty()) {
        let fractional = definition(name).is_some_and(|metric| metric.kind == Kind::FractionalCounter);
        let kind = if fractional { "counter" } else { family.kind };
        for comment in ["# HELP ", name, " ", family.help, "\n# TYPE ", name, " ", kind, "\n"] {
            sorted.push_str(comment);
        }
        for line in family.samples.values().flatten() {
            sorted.push_str(line);
            sorted.push('\n');
        }
    }
    sorted
}

/// `le="1"` becomes `le="1.0"`; `le` is the last label that the exporter writes.
fn canonical_le(line: &str) -> String {
    let Some((before, rest)) = line.split_once("le=\"").filter(|(before, _)| before.ends_with(['{', ',']))
    else {
        return line.to_owned();
    };
    match rest.split_once('"') {
        Some((bound, after)) if bound.parse::<u64>().is_ok() => format!("{before}le=\"{bound}.0\"{after}"),
        _ => line.to_owned(),
    }
}

/// What all lines of one series have in common: the labels without `le`.
fn series_of(family: &str, line: &str) -> String {
    let Some((name, labels)) = line.rsplit_once('}').and_then(|(head, _)| head.split_once('{')) else {
        return String::new();
    };
    let is_bucket = name.strip_prefix(family) == Some("_bucket");
    let own = if is_bucket { labels.rsplit_once("le=\"").map_or(labels, |(own, _)| own) } else { labels };
    own.trim_end_matches(',').to_owned()
}
