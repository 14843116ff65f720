//! `sync`.

use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::sandbox::git;
use crate::server::{Accident, Server, push_by_another};

const MINE: &str = "agent-a1-t1";

#[test]
fn both_sides_have_everything_afterwards() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "1\n");
    let output = sandbox.good("sync", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    assert_eq!((output["pushed"].as_bool(), sandbox.plans.len()), (Some(true), 2));
    server.push_by_another(MINE, "theirs", "t\n");
    server.push_by_another("main", "elsewhere", "e\n");
    sandbox.write("mine", "2\n");
    let output = sandbox.good("sync", json!({"sandbox_id": "s1", "commit_message": "mine, again"}));
    assert_eq!((&output["rebased"], &output["updated"]), (&json!(true), &json!(true)));
    assert_eq!(output["commit_hash"], server.tip(MINE));
    assert_eq!((sandbox.read("theirs"), sandbox.read("mine")), ("t\n".to_owned(), "2\n".to_owned()));
    assert_eq!(sandbox.git(&["rev-parse", "origin/main"]), server.tip("main"), "all branches are fetched");
    // Only theirs is new.
    server.push_by_another(MINE, "more", "m\n");
    let output = sandbox.good("sync", json!({"sandbox_id": "s1"}));
    assert_eq!((&output["pushed"], &output["updated"]), (&json!(false), &json!(true)));
    let output = sandbox.good("sync", json!({"sandbox_id": "s1"}));
    assert_eq!((&output["up_to_date"], &output["updated"]), (&json!(true), &json!(false)));
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn somebody_who_is_faster_costs_an_attempt_and_a_lost_answer_is_looked_up() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let bare = server.bare("a/r.git");
    sandbox.write("mine", "1\n");
    sandbox.good("sync", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    server.accident(Accident::First(Box::new(move || push_by_another(&bare, MINE, "theirs", "t\n"))));
    server.accident(Accident::CutReply);
    sandbox.write("mine", "2\n");
    let output = sandbox.good("sync", json!({"sandbox_id": "s1", "commit_message": "mine, again"}));
    assert_eq!((&output["attempts"], &output["rebased"]), (&json!(2), &json!(true)));
    let files = git(&server.bare("a/r.git"), &["ls-tree", "--name-only", MINE]);
    assert_eq!(files.lines().collect::<Vec<_>>(), ["f", "g", "mine", "theirs"]);
}

#[test]
fn conflicts_are_told_and_nothing_is_pushed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "1\n");
    sandbox.good("sync", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    server.push_by_another(MINE, "mine", "theirs\n");
    let theirs = server.tip(MINE);
    sandbox.write("mine", "2\n");
    let failure = sandbox.bad("sync", json!({"sandbox_id": "s1", "commit_message": "mine, again"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    let output = failure.output.unwrap();
    let conflict = &output["conflicts"][0];
    assert_eq!((&conflict["path"], &conflict["kind"]), (&json!("mine"), &json!("UU")));
    assert_eq!((server.tip(MINE), sandbox.read("mine")), (theirs, "2\n".to_owned()));
}

#[test]
fn a_dry_run_fetches_nothing_and_sends_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("push", json!({"sandbox_id": "s1"}));
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    server.push_by_another(MINE, "theirs", "t\n");
    let (tip, known) = (server.tip(MINE), sandbox.git(&["for-each-ref"]));
    let output = sandbox.good("sync", json!({"sandbox_id": "s1", "dry_run": true}));
    assert_eq!((&output["preview"]["joins_first"], &output["preview"]["old"]), (&json!(true), &json!(tip)));
    assert_eq!((server.tip(MINE), sandbox.git(&["for-each-ref"])), (tip, known));
}
