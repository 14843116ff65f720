//! The text as `metrics-exporter-prometheus` writes it: a second opinion on our own. It can only be fed sample by sample,
//! so that it takes time in proportion to the number of operations; ours does not.

use std::collections::BTreeSet;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::metrics::seen;
use super::properties::any_events;
use crate::fold;
use crate::metrics::{Count, HistogramValue, Kind, METRICS, Metrics, MetricsSnapshot, Series, render};

/// The recorder keeps every sample until it is told to sum up; so many it has to hold at most.
const AT_ONCE: usize = 100_000;

fn by_the_crate(snapshot: &MetricsSnapshot) -> Result<String, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| metric.kind == Kind::Histogram) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    ::metrics::with_local_recorder(&recorder, || fill(snapshot, &handle));
    Ok(handle.render())
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

/// `le="1"` becomes `le="1.0"`; sums are compared by their first digits, which is all that means can keep.
fn canonical(line: &str) -> String {
    let bound = line.rsplit_once("le=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
    if let Some((before, (bound, after))) = bound.filter(|(_, (bound, _))| bound.parse::<u64>().is_ok()) {
        return format!("{before}le=\"{bound}.0\"{after}");
    }
    match line.rsplit_once(' ') {
        Some((name, value)) if name.contains("_sum") => {
            format!("{name} {:.6}", value.parse::<f64>().unwrap())
        }
        _ => line.to_owned(),
    }
}

#[test]
fn our_text_is_what_the_usual_crate_writes() {
    for seed in 0..5 {
        let mut metrics: Metrics = fold(&any_events(seed, 300));
        let snapshot = metrics.snapshot(&seen(33_333));
        let lines = |text: &str| {
            let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# TYPE"));
            samples.map(canonical).collect::<BTreeSet<String>>()
        };
        let (ours, theirs) = (lines(&render(&snapshot)), lines(&by_the_crate(&snapshot).unwrap()));
        let differences: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(ours.len() > 100 && differences.is_empty(), "{differences:#?}");
    }
}
