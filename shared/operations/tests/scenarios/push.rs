//! `push`: what goes beyond the current branch; the races and the lost answers are in `tests/real_git`.

use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::sandbox::git;
use crate::server::{Accident, Server};

const MINE: &str = "agent-a1-t1";

#[test]
fn what_is_changed_is_committed_and_published_in_two_round_trips() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    let output = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    assert_eq!(output["commit_hash"], server.tip(MINE));
    assert_eq!(output["reference"], format!("refs/heads/{MINE}"));
    assert_eq!(sandbox.plans.len(), 2);
}

#[test]
fn force_overwrites_exactly_what_is_expected_and_nothing_else() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    let first = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    let first = first["commit_hash"].as_str().unwrap().to_owned();
    sandbox.git(&["commit", "-q", "--amend", "-m", "mine, again"]);
    let amended = sandbox.git(&["rev-parse", "HEAD"]);
    let wrong = json!({"sandbox_id": "s1", "force": true, "expected_old": "1".repeat(40)});
    let failure = sandbox.bad("push", wrong);
    assert_eq!((failure.code.name, failure.side_effect), ("stale-lease", SideEffect::None));
    assert_eq!(failure.output.unwrap()["remote"], first);
    let unforced = json!({"sandbox_id": "s1", "expected_old": first});
    assert_eq!(sandbox.bad("push", unforced).code.name, "non-fast-forward");
    assert_eq!(server.tip(MINE), first);
    let right = json!({"sandbox_id": "s1", "force": true, "expected_old": first});
    let output = sandbox.good("push", right.clone());
    assert_eq!((&output["commit_hash"], &output["remote_before"]), (&json!(amended), &json!(first)));
    assert_eq!(server.tip(MINE), amended);
    // The same again is done already, though what was expected is gone.
    assert_eq!(sandbox.good("push", right)["up_to_date"], true);
}

#[test]
fn somebody_who_is_faster_than_a_forced_push_loses_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    let first = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "mine"}));
    sandbox.git(&["commit", "-q", "--amend", "-m", "mine, again"]);
    let bare = server.bare("a/r.git");
    server.accident(Accident::First(Box::new(move || {
        crate::server::push_by_another(&bare, MINE, "theirs", "t\n");
    })));
    let input = json!({"sandbox_id": "s1", "force": true, "expected_old": first["commit_hash"]});
    let failure = sandbox.bad("push", input);
    assert_eq!((failure.code.name, failure.side_effect), ("stale-lease", SideEffect::None));
    assert_eq!(git(&server.bare("a/r.git"), &["log", "-1", "--format=%s", MINE]), "another's theirs");
}

#[test]
fn another_branch_a_commit_or_a_tag_of_the_workspace_can_be_pushed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let base = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    let input = json!({"sandbox_id": "s1", "source": base, "branch": "release", "create_only": true});
    assert_eq!(sandbox.good("push", input.clone())["commit_hash"], base);
    assert_eq!(server.tip("release"), base);
    // What is there already is no error; what else is there is.
    assert_eq!(sandbox.good("push", input)["up_to_date"], true);
    let other = json!({"sandbox_id": "s1", "source": MINE, "branch": "release", "create_only": true});
    assert_eq!(sandbox.bad("push", other).code.name, "branch-exists");
    let forward = json!({"sandbox_id": "s1", "source": MINE, "branch": "release"});
    assert_eq!(sandbox.good("push", forward)["remote_before"], base);
    let back = json!({"sandbox_id": "s1", "source": base, "branch": "release"});
    assert_eq!(sandbox.bad("push", back).code.name, "non-fast-forward");
    let nowhere = json!({"sandbox_id": "s1", "source": "nowhere", "branch": "release"});
    assert_eq!(sandbox.bad("push", nowhere).code.name, "ref-not-found");

    sandbox.git(&["tag", "-a", "-m", "one", "v1"]);
    let tag = json!({"sandbox_id": "s1", "tag": "v1"});
    let output = sandbox.good("push", tag.clone());
    assert_eq!(output["commit_hash"], sandbox.git(&["rev-parse", "refs/tags/v1"]));
    assert_eq!(git(&server.bare("a/r.git"), &["cat-file", "-t", "v1"]), "tag");
    assert_eq!(sandbox.good("push", tag.clone())["up_to_date"], true);
    sandbox.git(&["tag", "-f", "-a", "-m", "two", "v1"]);
    assert_eq!(sandbox.bad("push", tag).code.name, "tag-exists");
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let dry = |more: serde_json::Value| {
        let mut input = json!({"sandbox_id": "s1", "dry_run": true});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    let one = sandbox.git(&["rev-parse", "HEAD"]);
    let preview = sandbox.good("push", dry(json!({})))["preview"].clone();
    assert_eq!(
        (&preview["old"], &preview["new"], &preview["commits"]),
        (&json!(null), &json!(one), &json!([one]))
    );
    assert!(sandbox.facts.is_empty(), "nothing is announced");
    sandbox.good("push", json!({"sandbox_id": "s1"}));
    // With nothing to do there is no preview.
    let output = sandbox.good("push", dry(json!({})));
    assert_eq!((output["up_to_date"].as_bool(), output["preview"].is_null()), (Some(true), true));
    sandbox.write("new", "n\n");
    let preview = sandbox.good("push", dry(json!({"commit_message": "new"})))["preview"].clone();
    assert_eq!((&preview["commits_first"], &preview["commits_total"]), (&json!(true), &json!(0)));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "?? new", "nothing is staged");
    // Somebody else pushed: that would come first.
    server.push_by_another(MINE, "theirs", "t\n");
    let preview = sandbox.good("push", dry(json!({"commit_message": "new"})))["preview"].clone();
    assert_eq!((&preview["joins_first"], &preview["commits_total"]), (&json!(true), &json!(null)));
    let tip = server.tip(MINE);
    let forced = dry(json!({"force": true, "expected_old": tip}));
    assert_eq!(sandbox.good("push", forced)["preview"]["overwrites"], true);
    assert_eq!(server.tip(MINE), tip);
    assert_eq!(sandbox.bad("push", dry(json!({"create_only": true}))).code.name, "branch-exists");
}
