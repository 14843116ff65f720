//! The numbers.

use gitledger_events::operation::{ConflictDetected, OperationAbandoned, PushOutcome, SideEffect};
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled};

use super::given::{Ledger, at, created, failed, leased, pushed, requested, succeeded};
use crate::cost::Prices;
use crate::metrics::definitions::{ATTEMPTS, METRICS, Values, Vocabulary};
use crate::metrics::{About, FeedStanding, Metrics, MetricsSnapshot, Observation};
use crate::{Projection, fold};

pub const WORDS: Vocabulary<'static> = Vocabulary {
    operations: &["clone", "commit", "push"],
    codes: &["merge-conflict", "timeout"],
    prices: &["aws-us-east-1", "e2b-list", "original-flat"],
};

pub fn seen(second: i64) -> Observation<'static> {
    Observation {
        now: at(second),
        position: 7,
        head: 7,
        push_failures: 3,
        vocabulary: WORDS,
        prices: Prices::standard(),
        budgets: &[],
        parked: 0,
        feed: FeedStanding::default(),
        about: About { version: "0.1.0", approach: "event-sourced", sandbox_provider: "e2b" },
    }
}

fn snapshot(ledger: &Ledger, second: i64) -> MetricsSnapshot {
    fold::<Metrics>(&ledger.events).snapshot(&seen(second))
}

fn close(left: Option<f64>, right: f64) -> bool {
    left.is_some_and(|left| (left - right).abs() < 1e-9)
}

#[test]
fn every_bounded_series_is_there_before_the_first_event() {
    let empty = snapshot(&Ledger::default(), 0);
    for metric in METRICS {
        let width = |values: Values| values.all(WORDS).len().max(1);
        let expected: usize = metric.labels.iter().map(|label| width(label.values)).product();
        let found = empty.counters.iter().filter(|series| series.name == metric.name).count()
            + empty.gauges.iter().filter(|series| series.name == metric.name).count()
            + empty.histograms.iter().filter(|series| series.name == metric.name).count();
        assert_eq!(found, expected, "{}", metric.name);
    }
    assert_eq!(empty.counter("git_push_retry_count_total", &[("attempt", "10")]), Some(0.0));
    assert_eq!(
        empty.counter("git_operation_total", &[("operation", "other"), ("status", "retry")]),
        Some(0.0)
    );
    assert_eq!(empty.histogram("sandbox_creation_seconds", &[]).unwrap().counts.len(), 10);
}

#[test]
fn an_operation_counts_once_as_started_and_once_as_ended() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 0, "commit", requested(60));
    ledger.operation(1, 1, "commit", succeeded(1000));
    ledger.operation(2, 2, "commit", succeeded(100)); // a read: recorded whole
    ledger.operation(3, 3, "commit", requested(60));
    ledger.operation(3, 4, "commit", failed("timeout", "timeout", 2000));
    ledger.operation(4, 5, "commit", requested(60));
    ledger.operation(
        4,
        6,
        "commit",
        OperationAbandoned { reason: "deadline".to_owned(), side_effect: SideEffect::Unknown },
    );
    let numbers = snapshot(&ledger, 10);
    for (status, expected) in [("started", 4.0), ("success", 2.0), ("failure", 2.0), ("retry", 0.0)] {
        let labels = [("operation", "commit"), ("status", status)];
        assert_eq!(numbers.counter("git_operation_total", &labels), Some(expected), "{status}");
    }
    let failures = |code| numbers.counter("git_failures_total", &[("code", code)]);
    assert_eq!((failures("timeout"), failures("other")), (Some(1.0), Some(1.0)));
    let durations = numbers.histogram("git_operation_duration_seconds", &[("operation", "commit")]).unwrap();
    assert_eq!(durations.counts, [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0], "a bound belongs to its bucket");
}

#[test]
fn a_failure_before_any_work_does_not_touch_the_latency() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 0, "commit", failed("sandbox-not-found", "sandbox_not_found", 0));
    let numbers = snapshot(&ledger, 1);
    let durations = numbers.histogram("git_operation_duration_seconds", &[("operation", "commit")]).unwrap();
    assert_eq!(durations.counts.iter().sum::<u64>(), 0);
    let labels = [("operation", "commit"), ("error_type", "sandbox_not_found")];
    assert_eq!(numbers.counter("git_errors_total", &labels), Some(1.0));
}

#[test]
fn what_is_in_no_list_is_counted_as_other() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 0, "fly", failed("no-wings", "feathers", 5));
    for attempt in [1, 2, 11, 12, 4_000_000_000] {
        ledger.operation(2, 1, "push", pushed(attempt, PushOutcome::Superseded));
    }
    let numbers = snapshot(&ledger, 1);
    let labels = [("operation", "other"), ("error_type", "other")];
    assert_eq!(numbers.counter("git_errors_total", &labels), Some(1.0));
    assert_eq!(numbers.counter("git_failures_total", &[("code", "other")]), Some(1.0));
    let retries: Vec<_> = ATTEMPTS
        .iter()
        .filter_map(|attempt| numbers.counter("git_push_retry_count_total", &[("attempt", attempt)]))
        .collect();
    assert_eq!(retries, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
    let labels = [("operation", "push"), ("status", "retry")];
    assert_eq!(numbers.counter("git_operation_total", &labels), Some(4.0));
}

#[test]
fn leases_are_hits_and_misses_unless_the_caller_named_the_sandbox() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    for reuse in [Reuse::New, Reuse::Ready, Reuse::Warm, Reuse::Paused, Reuse::Named] {
        ledger.sandbox("s1", 1, leased(1, 1, 60, reuse));
    }
    ledger.operation(1, 2, "push", ConflictDetected { paths: Vec::new(), kinds: Vec::new() });
    let numbers = snapshot(&ledger, 5);
    assert_eq!(numbers.counter("sandbox_cache_hits_total", &[]), Some(3.0));
    assert_eq!(numbers.counter("sandbox_cache_misses_total", &[]), Some(1.0));
    assert_eq!(numbers.counter("git_conflicts_detected_total", &[("operation", "push")]), Some(1.0));
    assert_eq!(numbers.histogram("sandbox_creation_seconds", &[]).unwrap().counts[0], 1);
}

#[test]
fn a_running_sandbox_costs_up_to_now_and_not_after_its_expiry() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    let numbers = snapshot(&ledger, 1800);
    assert_eq!(numbers.gauge("active_sandboxes_total", &[]), Some(1.0));
    assert_eq!(numbers.counter("sandbox_seconds_total", &[]), Some(1800.0));
    let numbers = snapshot(&ledger, 7200);
    assert_eq!(numbers.gauge("active_sandboxes_total", &[]), Some(0.0));
    assert_eq!(numbers.gauge("sandboxes_active", &[]), Some(0.0));
    assert!(close(numbers.counter("sandbox_cost_dollars_total", &[("price", "e2b-list")]), 0.1089));
    assert!(close(numbers.counter("sandbox_cost_dollars_total", &[("price", "original-flat")]), 0.015));
    let labels = [
        ("version", "0.1.0"),
        ("approach", "event-sourced"),
        ("sandbox_provider", "e2b"),
        ("cost_per_hour", "0.1089"),
    ];
    assert_eq!(numbers.gauge("git_operations_info", &labels), Some(1.0));
}

#[test]
fn a_sandbox_whose_end_was_before_the_last_look_makes_no_counter_fall() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    let mut metrics: Metrics = fold(&ledger.events);
    let before = metrics.snapshot(&seen(100)).counter("sandbox_seconds_total", &[]);
    ledger.sandbox("s1", 90, SandboxKilled { reason: KillReason::Idle });
    metrics.apply(&ledger.events[1]);
    let mut metrics = Metrics::from_bytes(&metrics.to_bytes().unwrap()).unwrap();
    let after = metrics.snapshot(&seen(101));
    assert_eq!((before, after.counter("sandbox_seconds_total", &[])), (Some(100.0), Some(100.0)));
    assert_eq!(after.gauge("sandboxes_active", &[]), Some(0.0));
}

#[test]
fn the_lag_is_the_age_of_the_last_event_only_while_others_wait() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 10, "commit", requested(60));
    let mut metrics: Metrics = fold(&ledger.events);
    let lag = |metrics: &mut Metrics, head| {
        metrics.snapshot(&Observation { head, ..seen(12) }).gauge("git_projector_event_lag_seconds", &[])
    };
    assert_eq!((lag(&mut metrics, 7), lag(&mut metrics, 8)), (Some(0.0), Some(2.0)));
    let numbers = metrics.snapshot(&seen(12));
    assert_eq!(numbers.gauge("git_projector_position", &[]), Some(7.0));
    assert_eq!(numbers.counter("git_projector_push_failures_total", &[]), Some(3.0));
}

#[test]
fn the_feed_lags_by_the_age_of_the_first_event_that_waits() {
    let told = |waits_since| {
        let feed = FeedStanding { position: 5, waits_since, failures: 2 };
        let numbers = Metrics::default().snapshot(&Observation { feed, ..seen(12) });
        assert_eq!(numbers.gauge("git_feed_position", &[]), Some(5.0));
        assert_eq!(numbers.counter("git_feed_failures_total", &[]), Some(2.0));
        numbers.gauge("git_feed_event_lag_seconds", &[])
    };
    assert_eq!((told(None), told(Some(at(9))), told(Some(at(13)))), (Some(0.0), Some(3.0), Some(0.0)));
}

#[test]
fn a_snapshot_is_the_same_after_a_trip_through_json() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    ledger.operation(1, 1, "commit", succeeded(1234));
    let numbers = snapshot(&ledger, 777);
    let json = serde_json::to_string(&numbers).unwrap();
    assert_eq!(serde_json::from_str::<MetricsSnapshot>(&json).unwrap(), numbers);
}
