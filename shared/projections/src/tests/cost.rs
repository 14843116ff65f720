//! What it costs, and whose it is.

use gitledger_events::Stream;
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled, SandboxPaused};
use jiff::Timestamp;

use super::given::{Ledger, at, created, leased, released};
use crate::cost::{Cost, Estimate, Meter, NanoDollars, Price, Windows};
use crate::fold;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const FLAT_HOUR_NANO: u64 = 15_000_000;

fn estimate(ledger: &Ledger, now: Timestamp) -> Estimate {
    let (mut meter, mut windows) = (Meter::default(), Windows::default());
    for event in &ledger.events {
        if let Some(ended) = meter.apply(event) {
            windows.add(&ended);
        }
    }
    Estimate::new(&windows, &meter, &Price::ORIGINAL_FLAT, now)
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
fn the_first_minute_of_the_window_counts_in_proportion() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(DAY));
    ledger.sandbox("s1", 60, killed());
    let full = estimate(&ledger, at(120)).hourly.as_u64();
    assert_eq!(full, FLAT_HOUR_NANO / 60);
    assert_eq!(estimate(&ledger, at(HOUR + 30)).hourly.as_u64(), full / 2);
    assert_eq!(estimate(&ledger, at(HOUR + 60)).hourly.as_u64(), 0);
}

#[test]
fn every_second_belongs_to_an_agent_and_to_an_operation_or_idleness() {
    let stream = || Stream::sandbox("s1").unwrap();
    let mut ledger = Ledger::default();
    ledger.add(stream(), 0, "clone", "a1", created(DAY));
    ledger.add(stream(), 10, "clone", "a1", leased(1, 1, 600, Reuse::New));
    ledger.add(stream(), 40, "clone", "a1", released(1, 1));
    ledger.add(stream(), 100, "push", "a2", leased(2, 2, 600, Reuse::Ready));
    ledger.add(stream(), 120, "push", "a2", released(2, 2));
    ledger.add(stream(), 130, "reap", "nobody", SandboxPaused {});
    ledger.add(stream(), 999, "reap", "nobody", killed());
    let seconds = |amount: NanoDollars| amount.as_u64() / 30_250; // nano-dollars a second of the default sandbox
    for (events, now) in [(&ledger.events[..], 5000), (&ledger.events[..5], 130)] {
        let report = fold::<Cost>(events).report(&Price::E2B_LIST, at(now));
        assert_eq!(seconds(report.total), 130);
        assert_eq!(report.operations.values().copied().map(seconds).collect::<Vec<_>>(), [30, 80, 20]);
        assert_eq!(report.agents.values().copied().map(seconds).collect::<Vec<_>>(), [100, 30]);
    }
}
