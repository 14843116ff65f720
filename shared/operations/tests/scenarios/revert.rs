//! `revert`.

use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::merge::diverged;

#[test]
fn commits_are_taken_back_by_new_ones() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let output = sandbox.good("revert", json!({"sandbox_id": "s1", "revisions": ["HEAD"]}));
    assert_eq!(output["commits"], json!([output["head"]]));
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s %an"]), "Revert \"ours\" a1");
}

#[test]
fn without_a_commit_the_opposite_is_staged() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let input = json!({"sandbox_id": "s1", "revisions": ["HEAD"], "no_commit": true});
    assert_eq!(sandbox.good("revert", input)["staged"], true);
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "f");
}

#[test]
fn what_is_gone_already_and_what_does_not_fit_is_told_and_nothing_stays_changed() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let ours = sandbox.git(&["rev-parse", "HEAD"]);
    let revert = json!({"sandbox_id": "s1", "revisions": [ours]});
    sandbox.good("revert", revert.clone());
    let failure = sandbox.bad("revert", revert.clone());
    assert_eq!((failure.code.name, failure.side_effect), ("empty-change", SideEffect::None), "{failure:?}");
    sandbox.write("f", "something else\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "else", "all": true}));
    let failure = sandbox.bad("revert", revert);
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_revert_that_stays_open_is_finished_by_resolving() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let ours = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("f", "something else\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "else", "all": true}));
    let keep = json!({"sandbox_id": "s1", "revisions": [ours], "on_conflict": "keep"});
    assert_eq!(sandbox.bad("revert", keep).side_effect, SideEffect::Applied);
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!((&status["in_progress"], &status["progress"]["commit"]), (&json!("revert"), &json!(ours)));
    sandbox.good("conflict-resolve", json!({"sandbox_id": "s1", "path": "f", "with": "theirs"}));
    let output = sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!((output["changed"].as_bool(), &output["in_progress"]), (Some(true), &json!(null)));
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
}
