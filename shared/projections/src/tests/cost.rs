//! What it costs, and whose it is.

use gitledger_events::Stream;
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled, SandboxPaused};
use jiff::Timestamp;

use super::given::{Ledger, at, created, leased, released, succeeded};
use crate::cost::{By, CostFold, CostReport, Estimate, Meter, NanoDollars, Prices, Windows};
use crate::running::Span;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const FLAT_HOUR_NANO: u64 = 15_000_000;

fn flat() -> Prices {
    Prices::standard().using(&["original-flat".to_owned()]).unwrap()
}

/// What it costs by the clock, in seconds of the default sandbox.
fn seconds(by: By, ledger: &Ledger, now: i64) -> Vec<(String, u64)> {
    report(by, &ledger.events, CostFold::EVER, now)
        .lines
        .into_iter()
        .map(|line| (line.name, line.sandbox_micros / 1_000_000))
        .collect()
}

fn report(by: By, events: &[gitledger_events::Event], window: Span, now: i64) -> CostReport {
    let mut fold = CostFold::new(Prices::standard(), window, &[by]);
    for event in events {
        fold.apply(event);
    }
    fold.reports(at(now)).remove(0)
}

fn named(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect()
}

fn estimate(ledger: &Ledger, now: Timestamp) -> Estimate {
    let (mut meter, mut windows) = (Meter::default(), Windows::default());
    for event in &ledger.events {
        if let Some(ended) = meter.apply(event) {
            windows.add(&ended);
        }
    }
    Estimate::new(&windows, &meter, &flat(), now)
}

fn killed() -> SandboxKilled {
    SandboxKilled { reason: KillReason::Idle }
}

#[test]
fn a_sandbox_that_always_runs_costs_the_same_every_hour_day_and_month() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", -40 * DAY, created(400 * DAY));
    let steady = estimate(&ledger, at(DAY / 3));
    assert_eq!(steady.hourly.as_u64(), FLAT_HOUR_NANO);
    assert_eq!(steady.daily.as_u64(), 24 * FLAT_HOUR_NANO);
    assert_eq!(steady.monthly.as_u64(), 31 * 24 * FLAT_HOUR_NANO, "March has 31 days");
}

#[test]
fn ended_sandboxes_count_like_running_ones() {
    let mut ledger = Ledger::default();
    for hour in -10 * 24..8 {
        let sandbox = format!("s{}", hour + 1000);
        ledger.sandbox(&sandbox, hour * HOUR, created(400 * DAY));
        ledger.sandbox(&sandbox, (hour + 1) * HOUR, killed());
    }
    let steady = estimate(&ledger, at(8 * HOUR));
    assert_eq!(steady.hourly.as_u64(), FLAT_HOUR_NANO);
    assert_eq!(steady.daily.as_u64(), 24 * FLAT_HOUR_NANO);
    // From 28 February 00:00 on; the month began on 1 March.
    assert_eq!(steady.monthly.as_u64(), 31 * 24 * FLAT_HOUR_NANO);
    let a_day_later = estimate(&ledger, at(32 * HOUR));
    assert_eq!((a_day_later.hourly.as_u64(), a_day_later.daily.as_u64()), (0, 0));
    assert_eq!(a_day_later.monthly.as_u64(), (9 * 24 + 8) * FLAT_HOUR_NANO, "only what was spent");
}

#[test]
fn a_window_begins_with_a_whole_minute() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(DAY));
    ledger.sandbox("s1", 60, killed());
    let full = estimate(&ledger, at(120)).hourly.as_u64();
    assert_eq!(full, FLAT_HOUR_NANO / 60);
    assert_eq!(estimate(&ledger, at(HOUR + 59)).hourly.as_u64(), full);
    assert_eq!(estimate(&ledger, at(HOUR + 60)).hourly.as_u64(), 0);
}

#[test]
fn idle_time_is_shared_by_the_operations_of_whoever_had_the_sandbox() {
    let stream = || Stream::sandbox("s1").unwrap();
    let mut ledger = Ledger::default();
    ledger.add(stream(), 0, "clone", "a1", created(DAY));
    ledger.add(stream(), 10, "clone", "a1", leased(1, 1, 600, Reuse::New));
    ledger.add(stream(), 40, "clone", "a1", released(1, 1));
    ledger.add(stream(), 50, "commit", "a1", leased(2, 2, 600, Reuse::Ready));
    ledger.add(stream(), 60, "commit", "a1", released(2, 2));
    ledger.add(stream(), 100, "push", "a2", leased(3, 3, 600, Reuse::Ready));
    ledger.add(stream(), 120, "push", "a2", released(3, 3));
    ledger.add(stream(), 130, "reap", "nobody", SandboxPaused {});
    ledger.add(stream(), 999, "reap", "nobody", killed());
    let running = Ledger { events: ledger.events[..7].to_vec() };
    for (ledger, now) in [(&ledger, 5000), (&running, 130)] {
        // a1 worked 30 + 10 s and was kept for 60 s, a2 20 + 10 s.
        assert_eq!(seconds(By::Agent, ledger, now), named(&[("a1", 100), ("a2", 30)]));
        // The 60 s of a1 go 3 : 1.
        assert_eq!(
            seconds(By::Operation, ledger, now),
            named(&[("clone", 75), ("push", 30), ("commit", 25)])
        );
        assert_eq!(seconds(By::Task, ledger, now), named(&[("a1/t1", 100), ("a2/t1", 30)]));
        assert_eq!(seconds(By::Repo, ledger, now), named(&[("github.com/acme/app", 130)]));
        assert_eq!(seconds(By::Sandbox, ledger, now), named(&[("s1", 130)]));
    }
}

#[test]
fn a_read_that_takes_no_lease_pays_for_its_time_and_two_at_once_pay_half_each() {
    let stream = || Stream::sandbox("s1").unwrap();
    let read = |millis: u64| {
        let mut done = succeeded(millis);
        done.sandbox_id = Some("s1".to_owned());
        done
    };
    let mut ledger = Ledger::default();
    ledger.add(stream(), 0, "clone", "a1", created(DAY));
    ledger.add(stream(), 0, "clone", "a1", leased(1, 1, 600, Reuse::New));
    ledger.add(stream(), 100, "clone", "a1", released(1, 1));
    ledger.operation(2, 90, "status", read(20_000)); // from 70 on, beside the clone
    ledger.operation(3, 130, "status", read(30_000)); // from 100 on, alone
    ledger.add(stream(), 130, "reap", "nobody", killed());
    assert_eq!(seconds(By::Operation, &ledger, 500), named(&[("clone", 90), ("status", 40)]));
}

#[test]
fn a_sandbox_that_waits_is_paid_by_whoever_takes_it_first_and_else_by_nobody_in_particular() {
    let mut ledger = Ledger::default();
    let stream = || Stream::sandbox("s1").unwrap();
    ledger.add(stream(), 0, "sandbox-warm", "pool", created(DAY));
    ledger.add(stream(), 50, "clone", "a1", leased(1, 1, 600, Reuse::Warm));
    ledger.add(stream(), 60, "clone", "a1", released(1, 1));
    ledger.add(stream(), 60, "clone", "a1", killed());
    assert_eq!(seconds(By::Agent, &ledger, 100), named(&[("a1", 60)]));
    ledger.add(Stream::sandbox("s2").unwrap(), 100, "sandbox-warm", "pool", created(DAY));
    assert_eq!(seconds(By::Operation, &ledger, 130), named(&[("clone", 60), ("idle", 30)]));
}

#[test]
fn a_window_has_its_part_of_what_crosses_its_ends() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", -DAY / 2, created(DAY));
    ledger.sandbox("s1", -DAY / 2, leased(1, 1, 4 * DAY, Reuse::New));
    ledger.sandbox("s1", DAY / 2, killed());
    let span = |from: i64, until: i64| Span::new(at(from).as_microsecond(), at(until).as_microsecond());
    let in_window = |from, until| report(By::Day, &ledger.events, span(from, until), 2 * DAY);
    assert_eq!(in_window(-HOUR, HOUR).total, NanoDollars::new(2 * 108_900_000));
    let days: Vec<_> =
        in_window(-DAY, DAY).lines.into_iter().map(|line| (line.name, line.cost.as_u64())).collect();
    assert_eq!(
        days,
        [("2026-03-09".to_owned(), 12 * 108_900_000), ("2026-03-10".to_owned(), 12 * 108_900_000)]
    );
    assert_eq!(in_window(DAY, 2 * DAY).total, NanoDollars::ZERO);
}
