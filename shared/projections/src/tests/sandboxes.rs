//! Sandboxes, one and all.

use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::{
    KillReason, Reuse, SandboxExpired, SandboxExtended, SandboxKilled, SandboxLost, SandboxPaused,
    SandboxResumed, WorkspaceOpened,
};
use gitledger_events::{Elapsed, Stream};

use super::given::{Ledger, at, created, id, leased, released, repo, requested, succeeded};
use crate::sandbox_state::{Gone, Phase};
use crate::sandboxes::{REMEMBERED, Wanted};
use crate::{SandboxState, Sandboxes, fold};

fn opened() -> WorkspaceOpened {
    WorkspaceOpened {
        path: "/home/user/app".to_owned(),
        repo_url: "https://github.com/acme/app".to_owned(),
        base_branch: "main".to_owned(),
        branch: "agent-a1-t1".to_owned(),
    }
}

fn resumed(expires: i64) -> SandboxResumed {
    SandboxResumed { resume_ms: Elapsed::from_millis(900), expires_at: at(expires) }
}

fn wanted(repo: &gitledger_events::Repo) -> Wanted<'_> {
    Wanted { repo, agent_id: Some("a1"), task_id: Some("t1"), key_id: None, until: at(300) }
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
fn the_reusable_sandboxes_are_free_running_and_of_the_same_repository_and_agent_best_first() {
    let mut ledger = Ledger::default();
    let add = |ledger: &mut Ledger, sandbox: &str, agent: &str, expires: i64| {
        ledger.add(Stream::sandbox(sandbox).unwrap(), 0, "clone", agent, created(expires));
    };
    add(&mut ledger, "plain", "a1", 3600);
    add(&mut ledger, "longer", "a1", 7200);
    add(&mut ledger, "opened", "a1", 3000);
    add(&mut ledger, "stranger", "a2", 3600);
    add(&mut ledger, "leased", "a1", 3600);
    add(&mut ledger, "lapsed", "a1", 1000);
    add(&mut ledger, "paused", "a1", 3600);
    add(&mut ledger, "ending", "a1", 299);
    ledger.sandbox("opened", 5, opened());
    ledger.sandbox("leased", 5, leased(1, 1, 900, Reuse::New));
    ledger.sandbox("lapsed", 5, leased(2, 1, 90, Reuse::New));
    ledger.sandbox("paused", 5, SandboxPaused {});
    let sandboxes: Sandboxes = fold(&ledger.events);
    let repo = repo();
    let ids = |found: Vec<&SandboxState>| found.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    let wanted = wanted(&repo);
    assert_eq!(ids(sandboxes.reusable(&wanted, at(100))), ["opened", "longer", "plain", "lapsed"]);
    assert_eq!(ids(sandboxes.resumable(&wanted, at(100))), ["paused"]);
    assert!(sandboxes.reusable(&Wanted { agent_id: Some("a3"), ..wanted }, at(100)).is_empty());
    let other = gitledger_events::Repo::from_parts("github.com", "/acme/other");
    assert!(sandboxes.reusable(&Wanted { repo: &other, ..wanted }, at(100)).is_empty());
}

#[test]
fn a_sandbox_of_the_same_task_comes_before_all_others() {
    let mut ledger = Ledger::default();
    ledger.sandbox("mine", 0, created(1000));
    ledger.sandbox("other", 0, created(9000));
    ledger.events[1].event.actor.task_id = Some("t2".to_owned());
    let sandboxes: Sandboxes = fold(&ledger.events);
    let repo = repo();
    assert_eq!(sandboxes.reusable(&wanted(&repo), at(1))[0].id, "mine");
}

#[test]
fn a_workspace_of_another_task_is_not_offered_for_its_work_would_be_wiped() {
    let mut ledger = Ledger::default();
    for sandbox in ["mine", "theirs", "nobodys", "plain", "theirs-paused", "mine-paused"] {
        ledger.sandbox(sandbox, 0, created(3600));
        let task = match sandbox {
            "mine" | "mine-paused" => Some("t1".to_owned()),
            "nobodys" => None,
            _ => Some("t2".to_owned()),
        };
        let before = ledger.events.len() - 1;
        if sandbox != "plain" {
            ledger.sandbox(sandbox, 1, opened());
        }
        if sandbox.ends_with("paused") {
            ledger.sandbox(sandbox, 2, SandboxPaused {});
        }
        for event in &mut ledger.events[before..] {
            event.event.actor.task_id.clone_from(&task);
        }
    }
    let sandboxes: Sandboxes = fold(&ledger.events);
    let repo = repo();
    let ids = |found: Vec<&SandboxState>| found.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
    let mine = wanted(&repo);
    assert_eq!(ids(sandboxes.reusable(&mine, at(10))), ["mine", "plain"]);
    assert_eq!(ids(sandboxes.resumable(&mine, at(10))), ["mine-paused"]);
    let nobodys = Wanted { task_id: None, ..mine };
    assert_eq!(ids(sandboxes.reusable(&nobodys, at(10))), ["nobodys", "plain"]);
}

#[test]
fn a_sandbox_is_offered_to_the_key_that_made_it_whoever_used_it_since() {
    let mut ledger = Ledger::default();
    for (sandbox, key) in [("k1s", Some("k1")), ("k2s", Some("k2")), ("nobodys", None)] {
        ledger.sandbox(sandbox, 0, created(3600));
        ledger.events.last_mut().unwrap().event.actor.key_id = key.map(str::to_owned);
    }
    // Another key, an operator's, worked in it.
    ledger.sandbox("k1s", 1, leased(1, 1, 5, Reuse::Named));
    ledger.events.last_mut().unwrap().event.actor.key_id = Some("k2".to_owned());
    let sandboxes: Sandboxes = fold(&ledger.events);
    let repo = repo();
    for (key_id, mine) in [(Some("k1"), "k1s"), (Some("k2"), "k2s"), (None, "nobodys")] {
        let wanted = Wanted { key_id, ..wanted(&repo) };
        let found: Vec<_> = sandboxes.reusable(&wanted, at(100)).iter().map(|s| s.id.clone()).collect();
        assert_eq!(found, [mine], "{key_id:?}");
    }
}

#[test]
fn a_warm_sandbox_is_one_that_nobody_has_used() {
    let mut ledger = Ledger::default();
    for sandbox in ["used", "warm"] {
        ledger.sandbox(sandbox, 0, created(3600));
    }
    for event in &mut ledger.events {
        event.event.repo = None;
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
