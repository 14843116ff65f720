//! The Prometheus text, read back by a small parser.

use std::collections::BTreeMap;

use super::given::{Ledger, created, failed, succeeded};
use super::metrics::seen;
use crate::fold;
use crate::metrics::{METRICS, Metrics, render};

fn text() -> String {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    for n in 0..3 {
        ledger.operation(n, 1, "commit", succeeded(100));
    }
    ledger.operation(9, 1, "push", succeeded(1000));
    ledger.operation(10, 1, "push", succeeded(1_000_000));
    ledger.operation(11, 1, "a\"b\\c\n", failed("timeout", "timeout", 50));
    let mut metrics: Metrics = fold(&ledger.events);
    render(&metrics.snapshot(&seen(1800)))
}

/// Samples by everything before the value.
fn samples(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' ')).collect()
}

#[test]
fn every_metric_has_help_type_and_samples_under_its_exact_name() {
    let text = text();
    for metric in METRICS {
        assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)), "{}", metric.name);
        let kind = match metric.kind {
            crate::metrics::Kind::Counter | crate::metrics::Kind::FractionalCounter => "counter",
            crate::metrics::Kind::Gauge => "gauge",
            crate::metrics::Kind::Histogram => "histogram",
        };
        assert!(text.contains(&format!("# TYPE {} {kind}\n{}", metric.name, metric.name)), "{}", metric.name);
    }
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
}

#[test]
fn the_text_says_what_the_snapshot_says() {
    let text = text();
    let samples = samples(&text);
    assert_eq!(samples[r#"git_operation_total{operation="commit",status="success"}"#], "3");
    assert_eq!(samples[r#"git_operation_total{operation="other",status="failure"}"#], "1");
    assert_eq!(samples[r#"sandbox_cost_dollars_total{price="original-flat"}"#], "0.0075");
    assert_eq!(samples["sandboxes_active"], "1");
}

#[test]
fn histograms_keep_their_buckets_and_bounds_are_canonical_floats() {
    let text = text();
    let samples = samples(&text);
    let bucket = |op: &str, le: &str| {
        samples[format!(r#"git_operation_duration_seconds_bucket{{operation="{op}",le="{le}"}}"#).as_str()]
    };
    assert_eq!(bucket("commit", "0.1"), "3");
    assert_eq!((bucket("push", "0.5"), bucket("push", "1.0")), ("0", "1"));
    assert_eq!((bucket("push", "300.0"), bucket("push", "+Inf")), ("1", "2"));
    assert_eq!(samples[r#"git_operation_duration_seconds_sum{operation="push"}"#], "1001");
    assert_eq!(samples[r#"git_operation_duration_seconds_count{operation="push"}"#], "2");
    assert!(!text.contains(r#"le="1""#), "1.0, not 1");
}

#[test]
fn a_sum_that_rounding_has_pushed_over_the_bound_stays_in_its_bucket() {
    let mut numbers = Metrics::default().snapshot(&seen(0));
    let creation = numbers.histograms.iter_mut().find(|series| series.name == "sandbox_creation_seconds");
    let value = &mut creation.unwrap().value;
    (value.counts[0], value.sums[0]) = (3, 1.500_000_000_000_000_4);
    (value.counts[1], value.sums[1]) = (1, 0.5);
    let text = render(&numbers);
    let samples = samples(&text);
    assert_eq!(samples[r#"sandbox_creation_seconds_bucket{le="0.5"}"#], "3");
    assert_eq!(samples[r#"sandbox_creation_seconds_bucket{le="1.0"}"#], "4");
}

#[test]
fn the_same_snapshot_is_the_same_text_every_time() {
    let first = text();
    for _ in 0..5 {
        assert_eq!(text(), first);
    }
    let names: Vec<_> = first.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert!(names.is_sorted());
    let bounds: Vec<_> =
        first.lines().filter(|line| line.starts_with("sandbox_creation_seconds_bucket")).collect();
    assert!(bounds[0].contains(r#"le="0.5""#) && bounds[9].contains("+Inf"), "{bounds:?}");
}
