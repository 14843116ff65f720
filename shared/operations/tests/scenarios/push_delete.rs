//! `push-delete`.

use gitledger_events::Fact;
use gitledger_events::operation::{PushOutcome, SideEffect};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git};
use crate::server::{Accident, Cut, Server, push_by_another};

fn input(kind: &str, name: &str, expected: &str) -> Value {
    json!({"sandbox_id": "s1", kind: name, "expected_old": expected})
}

/// A server with a branch `old` and a tag `v1` beside `main`; where they are.
fn server() -> (Server, Sandbox, String) {
    let server = Server::with_repository(None);
    let tip = server.tip("main");
    for name in ["refs/heads/old", "refs/tags/v1"] {
        git(&server.bare("a/r.git"), &["update-ref", name, &tip]);
    }
    let sandbox = server.cloned();
    (server, sandbox, tip)
}

fn names(server: &Server) -> String {
    git(&server.bare("a/r.git"), &["for-each-ref", "--format=%(refname)"])
}

#[test]
fn a_branch_and_a_tag_are_taken_away_and_what_is_gone_is_no_error() {
    let (server, mut sandbox, tip) = server();
    let output = sandbox.good("push-delete", input("branch", "old", &tip));
    assert_eq!((&output["changed"], &output["remote_before"]), (&json!(true), &json!(tip)));
    let [Fact::PushPrepared(prepared), Fact::PushAttempted(attempted)] = &sandbox.facts[..] else {
        panic!("{:?}", sandbox.facts)
    };
    assert_eq!((prepared.reference.as_str(), &prepared.new), ("refs/heads/old", &None));
    assert_eq!((prepared.old.as_ref(), attempted.outcome), (Some(&tip), PushOutcome::Landed));
    assert_eq!(sandbox.plans.len(), 2);
    let tracking = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/remotes/origin"]);
    assert_eq!(tracking, "refs/remotes/origin/main");
    sandbox.good("push-delete", input("tag", "v1", &tip));
    assert_eq!(names(&server), "refs/heads/main");
    let output = sandbox.good("push-delete", input("branch", "old", &tip));
    assert_eq!((output["changed"].as_bool(), sandbox.plans.len()), (Some(false), 1));
}

#[test]
fn what_is_not_as_expected_stays() {
    let (server, mut sandbox, tip) = server();
    let failure = sandbox.bad("push-delete", input("branch", "old", &"1".repeat(40)));
    assert_eq!((failure.code.name, failure.side_effect), ("stale-lease", SideEffect::None));
    assert_eq!(failure.output.unwrap()["remote"], tip);
    // Nor is what somebody pushed a moment ago.
    let bare = server.bare("a/r.git");
    server.accident(Accident::First(Box::new(move || push_by_another(&bare, "old", "theirs", "t\n"))));
    let failure = sandbox.bad("push-delete", input("branch", "old", &tip));
    assert_eq!((failure.code.name, failure.side_effect), ("stale-lease", SideEffect::None));
    assert_eq!(git(&server.bare("a/r.git"), &["rev-parse", "old~1"]), tip);
    git(&server.bare("a/r.git"), &["config", "receive.denyDeletes", "true"]);
    let theirs = server.tip("old");
    let failure = sandbox.bad("push-delete", input("branch", "old", &theirs));
    assert_eq!(failure.code.name, "protected-branch");
}

#[test]
fn a_deletion_whose_answer_was_lost_is_looked_up_and_what_cannot_be_told_is_not_claimed() {
    let (server, mut sandbox, tip) = server();
    server.accident(Accident::CutReply);
    let output = sandbox.good("push-delete", input("branch", "old", &tip));
    assert_eq!((output["changed"].as_bool(), output["attempts"].as_u64()), (Some(true), Some(1)));
    server.accident(Accident::CutRequest);
    let output = sandbox.good("push-delete", input("tag", "v1", &tip));
    assert_eq!((output["changed"].as_bool(), output["attempts"].as_u64()), (Some(true), Some(2)));
    // It was taken away, and somebody made it anew before we could look.
    let bare = server.bare("a/r.git");
    let other = git(&bare, &["rev-parse", "main~1"]);
    git(&bare, &["update-ref", "refs/heads/old", &tip]);
    let made = other.clone();
    let again = move || drop(git(&bare, &["update-ref", "refs/heads/old", &made]));
    let cut = Cut { served: true, reply_bytes: 0, act: Box::new(again), acts_first: false };
    server.accident(Accident::Cut(cut));
    let failure = sandbox.bad("push-delete", input("branch", "old", &tip));
    assert_eq!((failure.code.name, failure.side_effect), ("stale-lease", SideEffect::Unknown));
    assert_eq!(server.tip("old"), other);
}

#[test]
fn a_dry_run_takes_nothing_away() {
    let (server, mut sandbox, tip) = server();
    let mut dry = input("branch", "old", &tip);
    dry["dry_run"] = json!(true);
    let output = sandbox.good("push-delete", dry);
    assert_eq!((&output["changed"], &output["preview"]["old"]), (&json!(false), &json!(tip)));
    assert_eq!((server.tip("old"), sandbox.facts.len()), (tip, 0));
}
