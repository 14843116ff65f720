//! Sandboxes, one and all.

use gitledger_events::Elapsed;
use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxExpired, SandboxExtended, SandboxKilled, SandboxLost, SandboxPaused,
    SandboxResumed,
};

use super::given::{Ledger, at, created, id, leased, released, requested, succeeded};
use crate::sandbox_state::{Gone, Phase};
use crate::sandboxes::REMEMBERED;
use crate::{SandboxState, Sandboxes, fold};

fn resumed(expires: i64) -> SandboxResumed {
    SandboxResumed { resume_ms: Elapsed::from_millis(900), expires_at: at(expires) }
}

#[test]
fn a_lease_holds_until_it_is_released_or_lapses() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    ledger.sandbox("s1", 1, leased(1, 1, 60, Reuse::New));
    let state = SandboxState::fold(&ledger.events);
    assert_eq!((state.version, state.next_epoch()), (2, 2));
    assert!(state.lease_at(at(59)).is_some());
    assert!(state.lease_at(at(60)).is_none());
    ledger.sandbox("s1", 10, released(1, 1));
    assert!(SandboxState::fold(&ledger.events).lease_at(at(11)).is_none());
}

#[test]
fn a_late_release_does_not_take_away_the_next_lease() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    ledger.sandbox("s1", 1, leased(1, 1, 60, Reuse::New));
    ledger.sandbox("s1", 61, leased(2, 2, 120, Reuse::Ready));
    ledger.sandbox("s1", 62, released(1, 1));
    let state = SandboxState::fold(&ledger.events);
    assert_eq!(state.lease_at(at(63)).map(|lease| lease.operation_id), Some(id(2)));
}

#[test]
fn running_time_leaves_out_pauses_and_what_comes_after_expiry() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    ledger.sandbox("s1", 100, SandboxPaused {});
    ledger.sandbox("s1", 1000, resumed(2000));
    let state = SandboxState::fold(&ledger.events);
    assert_eq!(state.running_micros(at(1050)), 150_000_000);
    assert!(state.runs(at(1999)) && !state.runs(at(2000)));
    ledger.sandbox("s1", 1500, SandboxExtended { expires_at: at(2500) });
    ledger.sandbox("s1", 9000, SandboxLost { evidence: "not in the list".to_owned() });
    let state = SandboxState::fold(&ledger.events);
    assert_eq!(state.running_micros(at(99_999)), 1_600_000_000);
    assert_eq!(state.phase, Phase::Gone(Gone::Lost("not in the list".to_owned())));
}

#[test]
fn an_event_of_another_stream_changes_nothing() {
    let mut ledger = Ledger::default();
    ledger.sandbox("s1", 0, created(3600));
    let before = SandboxState::fold(&ledger.events);
    ledger.sandbox("s2", 1, SandboxExpired {});
    ledger.operation(1, 1, "commit", succeeded(5));
    assert_eq!(SandboxState::fold(&ledger.events), before);
}

#[test]
fn a_warm_sandbox_is_one_that_nobody_has_used() {
    let mut ledger = Ledger::default();
    for sandbox in ["used", "warm"] {
        ledger.sandbox(sandbox, 0, created(3600));
    }
    for event in &mut ledger.events {
        event.event.repo = None;
        event.event.actor = gitledger_events::Actor::default();
    }
    ledger.sandbox("used", 1, leased(1, 1, 2, Reuse::Warm));
    let sandboxes: Sandboxes = fold(&ledger.events);
    let warm = sandboxes.warm("git", at(600), at(10));
    assert_eq!(warm.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["warm"]);
    assert!(sandboxes.warm("other-template", at(600), at(10)).is_empty());
}

#[test]
fn a_request_is_open_until_its_sandbox_is_reported() {
    let ask = |n| SandboxRequested { request_id: id(n), template: "git".to_owned(), timeout_s: 300 };
    let mut ledger = Ledger::default();
    ledger.operation(1, 0, "clone", requested(60));
    ledger.operation(1, 1, "clone", ask(900));
    ledger.operation(1, 2, "clone", ask(901));
    ledger.sandbox("s1", 3, created(3600));
    ledger.operation(1, 4, "clone", succeeded(3000));
    let sandboxes: Sandboxes = fold(&ledger.events);
    let open = sandboxes.open_requests();
    assert_eq!(open.iter().map(|r| (r.request_id, r.operation_ended)).collect::<Vec<_>>(), [(id(901), true)]);
    ledger.operation(2, 700, "clone", ask(902));
    let sandboxes: Sandboxes = fold(&ledger.events);
    assert_eq!(sandboxes.open_requests().len(), 1, "twice its life later E2B has ended it anyway");
}

#[test]
fn gone_sandboxes_are_counted_and_only_the_last_are_remembered() {
    let mut ledger = Ledger::default();
    for n in 0..REMEMBERED + 10 {
        ledger.sandbox(&format!("s{n}"), 0, created(3600));
        ledger.sandbox(&format!("s{n}"), 10, SandboxKilled { reason: KillReason::Idle });
    }
    let sandboxes: Sandboxes = fold(&ledger.events);
    let totals = sandboxes.totals();
    assert_eq!((totals.created, totals.killed), (266, 266));
    assert_eq!(totals.ran_micros, 2_660_000_000);
    assert_eq!(sandboxes.live().count(), 0);
    assert!(sandboxes.gone("s0").is_none());
    assert_eq!(sandboxes.gone("s265").unwrap().why, Gone::Killed(KillReason::Idle));
}
