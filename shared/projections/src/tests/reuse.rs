//! Which sandbox is taken again, and which are put away.

use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::{
    Reuse, SandboxCreated, SandboxExtended, SandboxKept, SandboxPaused, SandboxResumed, WorkspaceOpened,
};
use gitledger_events::{Actor, Elapsed, Fact, Repo, Stream};

use super::given::{Ledger, at, created, id, leased, released, repo, succeeded};
use crate::sandbox_policy::ReuseRule;
use crate::sandboxes::{Upkeep, Wanted};
use crate::{SandboxPolicy, Sandboxes, fold};

fn opened() -> WorkspaceOpened {
    WorkspaceOpened {
        path: "/home/user/app".to_owned(),
        repo_url: "https://github.com/acme/app".to_owned(),
        base_branch: "main".to_owned(),
        branch: "agent-a1-t1".to_owned(),
    }
}

#[allow(clippy::needless_pass_by_value)] // `Some(repo())` reads better
/// Facts of one sandbox, from second to second, on behalf of one actor.
fn add(ledger: &mut Ledger, id: &str, actor: &Actor, repo: Option<Repo>, facts: Vec<Fact>) {
    for (second, fact) in facts.into_iter().enumerate() {
        let second = i64::try_from(second).unwrap();
        ledger.add(Stream::sandbox(id).unwrap(), second, "clone", "a1", fact);
        let event = &mut ledger.events.last_mut().unwrap().event;
        (event.actor, event.repo) = (actor.clone(), repo.clone());
    }
}

fn used() -> Vec<Fact> {
    vec![created(3600).into(), leased(1, 1, 60, Reuse::New).into(), opened().into(), released(1, 1).into()]
}

fn asleep() -> Vec<Fact> {
    used().into_iter().chain([SandboxPaused {}.into()]).collect()
}

fn wanted(repo: &Repo) -> Wanted<'_> {
    Wanted { repo, agent_id: Some("a1"), task_id: Some("t1"), key_id: None, until: at(600) }
}

fn policy(reuse: ReuseRule) -> SandboxPolicy {
    let group = ["a1", "a2"].map(str::to_owned).to_vec();
    SandboxPolicy { reuse, trust: vec![group], ..SandboxPolicy::default() }
}

/// One of each kind.
fn fleet() -> Sandboxes {
    let mut ledger = Ledger::default();
    let (own, other) = (Actor::new("a1", "t1"), Actor::new("a1", "t2"));
    let mut all = |id: &str, actor: &Actor, repo, facts| add(&mut ledger, id, actor, repo, facts);
    all("own", &own, Some(repo()), used());
    all("own-asleep", &own, Some(repo()), asleep());
    all("own-elsewhere", &own, Some(Repo::from_parts("github.com", "/acme/other")), used());
    all("own-leased", &own, Some(repo()), used()[..2].to_vec());
    all("own-ending", &own, Some(repo()), vec![created(599).into(), opened().into()]);
    all("ahead", &own, None, vec![created(3600).into(), leased(1, 1, 2, Reuse::New).into()]);
    all("other-task", &other, Some(repo()), used());
    all("friend", &Actor::new("a2", "t9"), Some(repo()), used());
    all("friend-asleep", &Actor::new("a2", "t9"), Some(repo()), asleep());
    all("stranger", &Actor::new("a3", "t1"), Some(repo()), used());
    let keyed = Actor { key_id: Some("k1".to_owned()), ..own.clone() };
    all("another-keys", &keyed, Some(repo()), used());
    all("another-keys-asleep", &keyed, Some(repo()), asleep());
    all("pooled", &Actor::default(), None, vec![created(3600).into()]);
    all("pooled-elsewhere", &Actor::default(), None, vec![created(500).into()]);
    fold(&ledger.events)
}

fn ids(sandboxes: &Sandboxes, wanted: &Wanted<'_>, fresh: bool, rule: ReuseRule, now: i64) -> Vec<String> {
    let found = sandboxes.choices(wanted, "git", fresh, &policy(rule), at(now));
    found.into_iter().map(|choice| format!("{} {:?}", choice.sandbox_id, choice.reuse)).collect()
}

#[test]
fn the_order_of_reuse_is_ready_then_asleep_then_warm() {
    let (fleet, repo) = (fleet(), repo());
    let wanted = wanted(&repo);
    let ask = |rule, now| ids(&fleet, &wanted, false, rule, now);
    let task = ["own Ready", "ahead Ready", "own-asleep Paused", "pooled Warm"];
    assert_eq!(ask(ReuseRule::Task, 30), task);
    assert_eq!(ask(ReuseRule::Repo, 30), task, "what was used a moment ago is not taken from anybody");
    assert_eq!(
        ask(ReuseRule::Repo, 63),
        [
            "own Ready",
            "own-leased Ready",
            "ahead Ready",
            "friend Ready",
            "other-task Ready",
            "own-asleep Paused",
            "friend-asleep Paused",
            "pooled Warm"
        ]
    );
    assert_eq!(ask(ReuseRule::Never, 63), ["pooled Warm"]);
    assert_eq!(ids(&fleet, &wanted, true, ReuseRule::Repo, 63), ["pooled Warm"]);
}

#[test]
fn a_sandbox_is_offered_to_the_key_that_made_it_whoever_used_it_since() {
    let (fleet, repo) = (fleet(), repo());
    let mine = Wanted { key_id: Some("k1"), ..wanted(&repo) };
    let found = ids(&fleet, &mine, false, ReuseRule::Repo, 70);
    assert_eq!(found, ["another-keys Ready", "another-keys-asleep Paused", "pooled Warm"]);
    let nobody = Wanted { key_id: Some("k2"), ..wanted(&repo) };
    assert_eq!(ids(&fleet, &nobody, false, ReuseRule::Repo, 70), ["pooled Warm"]);
}

#[test]
fn a_workspace_of_another_task_is_not_offered_for_its_work_would_be_wiped() {
    let (fleet, repo) = (fleet(), repo());
    let other = Wanted { task_id: Some("t2"), ..wanted(&repo) };
    assert_eq!(ids(&fleet, &other, false, ReuseRule::Task, 30), ["other-task Ready", "pooled Warm"]);
    let unknown = Wanted { task_id: None, ..other };
    assert_eq!(ids(&fleet, &unknown, false, ReuseRule::Task, 30), ["pooled Warm"]);
}

#[test]
fn what_is_idle_is_paused_and_what_sleeps_too_long_ends() {
    let fleet = fleet();
    let policy = SandboxPolicy { pause_after_s: 100, ttl_s: 1000, pool: 3, ..SandboxPolicy::default() };
    let upkeep = |now| fleet.upkeep("git", &policy, at(now));
    assert_eq!(upkeep(90), Upkeep { missing: 1, ..Upkeep::default() });
    let later = upkeep(120);
    assert!(later.pause.contains(&"own".to_owned()) && !later.pause.contains(&"own-asleep".to_owned()));
    assert!(!later.pause.contains(&"pooled".to_owned()), "waiting is its work");
    assert!(later.end.is_empty());
    assert_eq!(upkeep(1010).end, ["another-keys-asleep", "friend-asleep", "own-asleep"]);
    // Without a pause there is none; the one that expires soon is replaced before it does.
    assert_eq!(fleet.upkeep("git", &SandboxPolicy::default(), at(3300)).missing, 0);
    let never = SandboxPolicy { pause_after_s: 0, ..policy };
    assert_eq!(fleet.upkeep("git", &never, at(120)).pause, Vec::<String>::new());
    assert_eq!(fleet.upkeep("git", &never, at(380)).missing, 2, "one of them ends in two minutes");
}

#[test]
fn a_read_and_a_wish_keep_a_sandbox_awake() {
    let mut ledger = Ledger::default();
    let actor = Actor::new("a1", "t1");
    add(&mut ledger, "s1", &actor, Some(repo()), used());
    add(&mut ledger, "s2", &actor, Some(repo()), used());
    let kept = SandboxKept { pause_after_s: Some(0), ttl_s: Some(50) };
    ledger.sandbox("s2", 10, kept);
    let policy = SandboxPolicy { pause_after_s: 100, ttl_s: 1000, ..SandboxPolicy::default() };
    let idle = |ledger: &Ledger, now| fold::<Sandboxes>(&ledger.events).upkeep("git", &policy, at(now));
    assert_eq!(idle(&ledger, 150).pause, ["s1"]);
    let read =
        gitledger_events::operation::OperationSucceeded { sandbox_id: Some("s1".to_owned()), ..succeeded(1) };
    ledger.operation(9, 100, "status", read);
    assert_eq!(idle(&ledger, 150), Upkeep::default());
    assert_eq!(idle(&ledger, 200).pause, ["s1"]);
    // Asleep, a wish for a longer life is heeded too.
    ledger.sandbox("s2", 200, SandboxPaused {});
    assert_eq!(idle(&ledger, 60 + 200).end, ["s2"]);
    ledger.sandbox("s2", 201, SandboxExtended { expires_at: at(900) });
    assert_eq!(idle(&ledger, 899).end, Vec::<String>::new());
    assert_eq!(idle(&ledger, 900).end, ["s2"]);
    ledger.sandbox("s2", 901, SandboxResumed { resume_ms: Elapsed::ZERO, expires_at: at(2000) });
    assert_eq!(idle(&ledger, 1500).pause, ["s1"]);
}

#[test]
fn what_is_on_its_way_into_the_pool_is_not_missing_unless_its_operation_has_ended() {
    let mut ledger = Ledger::default();
    let asks =
        |number| SandboxRequested { request_id: id(number), template: "git".to_owned(), timeout_s: 3600 };
    ledger.operation(1, 0, "sandbox-warm", asks(901));
    ledger.operation(2, 0, "sandbox-warm", asks(902));
    // Somebody's own, which the pool will not have.
    ledger.operation(3, 0, "clone", asks(903));
    let policy = SandboxPolicy { pool: 3, ..SandboxPolicy::default() };
    let missing = |ledger: &Ledger| {
        let sandboxes: Sandboxes = fold(&ledger.events);
        sandboxes.upkeep("git", &policy, at(10)).missing
    };
    assert_eq!(missing(&ledger), 1);
    ledger.operation(2, 5, "sandbox-warm", succeeded(5));
    assert_eq!(missing(&ledger), 2);
    let made = SandboxCreated { request_id: id(901), ..created(3600) };
    add(&mut ledger, "pooled", &Actor::default(), None, vec![made.into()]);
    assert_eq!(missing(&ledger), 2, "it waits where it was on its way before");
}
