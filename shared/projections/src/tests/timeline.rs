//! Given events, the panels, lists and costs of a window.

use gitledger_events::Stream;
use gitledger_events::operation::{ConflictDetected, OperationAbandoned, PushOutcome, SideEffect};
use gitledger_events::sandbox::{KillReason, Reuse, SandboxKilled, SandboxPaused};

use super::given::{Ledger, at, created, failed, id, leased, pushed, released, requested, succeeded};
use crate::cost::{By, CostFold, NanoDollars, Prices, ResourceTime, SandboxUsage, Usage};
use crate::timeline::filter::{Outcome, With};
use crate::timeline::panels::{Line, Panels};
use crate::timeline::{Filter, Order, Timeline, Window};

fn timeline(ledger: &Ledger) -> Timeline {
    let mut timeline = Timeline::default();
    ledger.events.iter().for_each(|event| timeline.apply(event));
    timeline
}

/// The panels from second 0 to 60 in steps of 20 seconds.
fn panels(ledger: &Ledger) -> Panels {
    let window = Window::covering(at(0), at(60), Some(20));
    timeline(ledger).panels(&window, Prices::standard(), at(1000))
}

fn line<'p, T>(lines: &'p [Line<T>], name: &str) -> &'p Line<T> {
    lines.iter().find(|line| line.name == name).unwrap_or_else(|| panic!("no line {name}"))
}

#[test]
fn an_operation_counts_where_it_ended() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 5, "commit", requested(100));
    ledger.operation(1, 25, "commit", succeeded(20_000));
    ledger.operation(2, 6, "push", requested(100));
    ledger.operation(2, 59, "push", failed("auth-failed", "auth", 100));
    // Open, before the window, after it.
    ledger.operation(3, 40, "push", requested(100));
    ledger.operation(4, -10, "push", requested(100));
    ledger.operation(4, -1, "push", succeeded(9000));
    ledger.operation(5, 50, "push", requested(100));
    ledger.operation(5, 60, "push", succeeded(10_000));
    let panels = panels(&ledger);
    assert_eq!((panels.succeeded, panels.failed, panels.open), (1, 1, 1));
    assert_eq!(panels.success_ratio, Some(0.5));
    assert_eq!(line(&panels.operations, "commit").values, [0, 1, 0]);
    assert_eq!(line(&panels.operations, "push").values, [0, 0, 1]);
    assert_eq!(line(&panels.errors, "auth").values, [0, 0, 1]);
    assert_eq!((panels.steps, panels.step_s), (3, 20));
}

#[test]
fn nothing_is_nothing_and_not_a_hundred_percent() {
    let panels = panels(&Ledger::default());
    assert_eq!((panels.success_ratio, panels.cache.hit_ratio, panels.p95_all_ms), (None, None, None));
    assert!(panels.operations.is_empty() && panels.p95_ms.is_empty() && panels.errors.is_empty());
    assert_eq!(panels.sandboxes.values, [0, 0, 0]);
    assert_eq!(panels.cost.monthly_nano, NanoDollars::ZERO);
}

#[test]
fn a_percentile_is_that_of_the_durations_themselves_and_without_failures_before_any_work() {
    let mut ledger = Ledger::default();
    for number in 1..=100 {
        ledger.operation(number, 10, "status", succeeded(number));
    }
    ledger.operation(101, 10, "status", failed("sandbox-not-found", "sandbox_not_found", 0));
    ledger.operation(102, 30, "status", succeeded(7));
    let panels = panels(&ledger);
    let status = line(&panels.p95_ms, "status");
    assert_eq!(status.values, [Some(95.0), Some(7.0), None]);
    // 101 durations: the 96th in order.
    assert_eq!((status.whole, panels.p95_all_ms), (Some(95.0), Some(95.0)));
}

#[test]
fn an_abandoned_operation_failed_and_took_no_time() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 1, "push", requested(100));
    let abandoned = OperationAbandoned { reason: "gone".to_owned(), side_effect: SideEffect::Unknown };
    ledger.operation(1, 30, "push", abandoned);
    let panels = panels(&ledger);
    assert_eq!((panels.failed, panels.p95_all_ms), (1, None));
    assert_eq!(line(&panels.errors, "other").whole, 1);
}

#[test]
fn the_busiest_operations_have_lines_and_the_rest_is_one() {
    let mut ledger = Ledger::default();
    let mut number = 0;
    for name in 0..10u64 {
        for _ in 0..=name {
            number += 1;
            ledger.operation(number, 10, &format!("operation-{name}"), succeeded(number));
        }
    }
    let panels = panels(&ledger);
    assert_eq!(panels.operations.len(), 8);
    assert_eq!(panels.operations[0].name, "operation-9");
    assert_eq!(line(&panels.operations, "other").whole, 1 + 2 + 3);
    assert_eq!(panels.operations.iter().map(|line| line.whole).sum::<u64>(), panels.succeeded);
    assert_eq!(line(&panels.p95_ms, "other").whole, Some(6.0));
}

#[test]
fn retries_conflicts_and_leases_are_counted_when_they_were() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 1, "push", requested(100));
    ledger.operation(1, 5, "push", pushed(1, PushOutcome::Superseded));
    ledger.operation(1, 25, "push", pushed(2, PushOutcome::Superseded));
    ledger.operation(1, 45, "push", pushed(3, PushOutcome::Landed));
    ledger.operation(
        1,
        46,
        "push",
        ConflictDetected { paths: vec!["a".to_owned()], kinds: vec!["UU".to_owned()] },
    );
    ledger.sandbox("i1", 2, created(3600));
    ledger.sandbox("i1", 2, leased(1, 1, 100, Reuse::New));
    ledger.sandbox("i1", 30, leased(2, 2, 100, Reuse::Ready));
    ledger.sandbox("i1", 31, leased(3, 3, 100, Reuse::Named));
    let panels = panels(&ledger);
    assert_eq!(line(&panels.retries, "1").values, [0, 1, 0]);
    assert_eq!(line(&panels.retries, "2").values, [0, 0, 1]);
    assert_eq!(line(&panels.conflicts, "push").values, [0, 0, 1]);
    assert_eq!((panels.cache.hits, panels.cache.misses, panels.cache.hit_ratio), (1, 1, Some(0.5)));
    // 400 ms is in the first bucket, up to half a second.
    assert_eq!((panels.creation.whole, panels.creation.counts[0][0]), (1, 1));
}

#[test]
fn sandboxes_that_follow_each_other_were_not_there_at_once() {
    let mut ledger = Ledger::default();
    let kill = || SandboxKilled { reason: KillReason::Requested };
    ledger.sandbox("i1", -30, created(3600));
    ledger.sandbox("i1", 10, kill());
    ledger.sandbox("i2", 10, created(3600));
    ledger.sandbox("i3", 15, created(3600));
    ledger.sandbox("i3", 16, SandboxPaused {});
    ledger.sandbox("i2", 30, kill());
    let panels = panels(&ledger);
    assert_eq!(panels.sandboxes.values, [2, 1, 0]);
    assert_eq!((panels.sandboxes.peak, panels.sandboxes.now), (2, 0));
}

#[test]
fn how_many_run_now_is_told_where_the_window_goes_on() {
    let mut ledger = Ledger::default();
    ledger.sandbox("i1", 10, created(3600));
    let window = Window::covering(at(0), at(60), Some(20));
    let running = |now| timeline(&ledger).panels(&window, Prices::standard(), at(now)).sandboxes;
    assert_eq!((running(30).now, running(30).values), (1, vec![1, 1, 0]));
    assert_eq!((running(500).now, running(500).values), (1, vec![1, 1, 1]));
}

/// The default sandbox for so many seconds.
fn cost_of(seconds: u64) -> NanoDollars {
    let used = SandboxUsage { running_micros: seconds * 1_000_000, ..SandboxUsage::DEFAULT_HOUR };
    Prices::standard().exact(20_522, &Usage::from(ResourceTime::from(used))).rounded()
}

/// One sandbox, made by nobody in particular and used by two agents, over two days.
fn shared_sandbox() -> Ledger {
    let mut ledger = Ledger::default();
    let day = 24 * 3600;
    let stream = || Stream::sandbox("i1").unwrap();
    ledger.sandbox("i1", day - 20, created(2 * day));
    ledger.add(stream(), day - 10, "clone", "a2", leased(1, 1, 2 * day, Reuse::New));
    ledger.add(stream(), day + 3, "clone", "a2", released(1, 1));
    ledger.add(stream(), day + 13, "push", "a3", leased(2, 2, 2 * day, Reuse::Ready));
    ledger.add(stream(), day + 17, "push", "a3", released(2, 2));
    ledger.sandbox("i1", day + 33, SandboxKilled { reason: KillReason::Idle });
    ledger.operation(1, day + 3, "clone", succeeded(13_000));
    ledger
}

#[test]
fn any_window_costs_to_the_nano_dollar_what_the_cost_report_says() {
    let ledger = shared_sandbox();
    let day = 24 * 3600;
    let timeline = timeline(&ledger);
    for (from, until) in [(-20, 40), (-60, 60), (-15, 0), (-1, 14), (15, 16), (20, 33)] {
        let window = Window::covering(at(day + from), at(day + until), Some(1));
        let cost = timeline.cost(&window, Prices::standard(), at(9 * day));
        let span = crate::running::Span::new(window.from(), window.until());
        let mut fold = CostFold::new(Prices::standard(), span, &[By::Agent, By::Operation]);
        ledger.events.iter().for_each(|event| fold.apply(event));
        let reports = fold.reports(at(9 * day));
        for (report, lines) in reports.iter().zip([&cost.agents, &cost.operations]) {
            assert_eq!(report.total, cost.total_nano, "{from} to {until}");
            let mut told: Vec<(&str, NanoDollars)> =
                report.lines.iter().map(|line| (line.name.as_str(), line.cost)).collect();
            let mut shown: Vec<(&str, NanoDollars)> =
                lines.iter().map(|line| (line.name.as_str(), line.cost_nano)).collect();
            told.retain(|(_, cost)| *cost > NanoDollars::ZERO);
            shown.retain(|(_, cost)| *cost > NanoDollars::ZERO);
            assert_eq!((told.sort_unstable(), shown.sort_unstable()), ((), ()));
            assert_eq!(told, shown, "{from} to {until}");
            assert_eq!(shown.iter().map(|(_, cost)| *cost).sum::<NanoDollars>(), cost.total_nano);
        }
        let panels = timeline.panels(&window, Prices::standard(), at(9 * day));
        assert_eq!(panels.cost.window_nano, cost.total_nano, "{from} to {until}");
    }
}

#[test]
fn an_operation_costs_its_time_and_its_share_of_the_idle_time() {
    let ledger = shared_sandbox();
    let timeline = timeline(&ledger);
    // 53 seconds in all: from the beginning until the second agent came, 33 of them, and the rest.
    assert_eq!(timeline.cost_of(id(1), Prices::standard(), at(90_000)), cost_of(33));
    assert_eq!(timeline.cost_of(id(7), Prices::standard(), at(90_000)), NanoDollars::ZERO);
}

#[test]
fn each_step_shows_the_cost_of_the_day_before_its_end() {
    let mut ledger = Ledger::default();
    ledger.sandbox("i1", -10, created(3600));
    ledger.sandbox("i1", 33, SandboxKilled { reason: KillReason::Idle });
    let cost = panels(&ledger).cost;
    assert_eq!(cost.daily_nano, [cost_of(30), cost_of(43), cost_of(43)]);
    assert_eq!(cost.window_nano, cost_of(33));
}

#[test]
fn the_month_is_what_was_spent_and_the_rest_at_the_rate_of_the_last_day() {
    let mut ledger = Ledger::default();
    ledger.sandbox("i1", 0, created(7200));
    ledger.sandbox("i1", 3600, SandboxKilled { reason: KillReason::Idle });
    // 2026-03-10T12:00: 21.5 days are left of March.
    let noon = at(12 * 3600);
    let window = Window::covering(at(0), noon, Some(3600));
    let monthly = timeline(&ledger).panels(&window, Prices::standard(), noon).cost.monthly_nano;
    // The rate is that of 24 hours from a whole minute on, which noon is.
    let left = u128::from(cost_of(3600).as_u64()) * 43 / 2;
    assert_eq!(u128::from(monthly.as_u64()), u128::from(cost_of(3600).as_u64()) + left);
}

#[test]
fn the_operations_behind_a_point_are_those_that_it_counts() {
    let mut ledger = Ledger::default();
    ledger.operation(1, 25, "status", succeeded(50));
    ledger.operation(2, 26, "status", succeeded(90));
    ledger.operation(3, 27, "push", failed("auth-failed", "auth", 70));
    ledger.operation(4, 28, "push", requested(100));
    ledger.sandbox("i1", 28, leased(4, 1, 100, Reuse::New));
    ledger.operation(5, 45, "status", succeeded(10));
    let timeline = timeline(&ledger);
    let step = Filter {
        from: at(20).as_microsecond(),
        until: at(40).as_microsecond(),
        limit: 10,
        ..Filter::default()
    };
    let found = |filter: Filter| {
        let found = timeline.find(&filter);
        assert_eq!(found.total, found.operations.len() as u64);
        found.operations.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(found(step.clone()), [id(4), id(3), id(2), id(1)]);
    let slowest = Filter { order: Order::Slowest, ..step.clone() };
    assert_eq!(found(slowest), [id(2), id(3), id(1), id(4)]);
    assert_eq!(found(Filter { operation: Some("status".to_owned()), ..step.clone() }), [id(2), id(1)]);
    assert_eq!(found(Filter { outcome: Some(Outcome::Failed), ..step.clone() }), [id(3)]);
    assert_eq!(found(Filter { outcome: Some(Outcome::Open), ..step.clone() }), [id(4)]);
    assert_eq!(found(Filter { error_type: Some("auth".to_owned()), ..step.clone() }), [id(3)]);
    assert_eq!(found(Filter { with: Some(With::Creation), ..step.clone() }), [id(4)]);
    assert!(found(Filter { agent: Some("nobody".to_owned()), ..step.clone() }).is_empty());
    let one = timeline.find(&Filter { limit: 1, ..step });
    assert_eq!((one.total, one.operations.len()), (4, 1));
    assert_eq!((one.operations[0].sandbox_id.as_str(), one.operations[0].reuse), ("i1", Some(Reuse::New)));
}
