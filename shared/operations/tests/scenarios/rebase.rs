//! `rebase`.

use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::merge::diverged;

#[test]
fn the_own_commits_are_made_again_on_top_and_a_repeat_changes_nothing() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let rebase = json!({"sandbox_id": "s1", "upstream": "side"});
    let output = sandbox.good("rebase", rebase.clone());
    assert_eq!((output["changed"].as_bool(), output["commits"].as_u64()), (Some(true), Some(1)));
    assert_eq!(output["onto"], json!(sandbox.git(&["rev-parse", "HEAD~1"])));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD~1"]), sandbox.git(&["rev-parse", "side"]));
    assert_eq!(sandbox.git(&["branch", "--show-current"]), "agent-a1-t1");
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!(sandbox.good("rebase", rebase)["changed"], false);
}

#[test]
fn commits_can_be_put_elsewhere_than_where_they_begin() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    sandbox.git(&["switch", "-qc", "later"]);
    sandbox.write("l", "l\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "later", "all": true}));
    sandbox.good("rebase", json!({"sandbox_id": "s1", "upstream": "agent-a1-t1", "onto": "side"}));
    assert_eq!(sandbox.git(&["log", "--format=%s", "-2"]), "later\ntheirs");
    assert_eq!(sandbox.read("f"), "1\n2\n3\n", "the commit before is not carried along");
}

#[test]
fn a_conflict_in_the_second_commit_takes_the_first_back_too() {
    let mut sandbox = diverged(&[("n", Some("n\n"))], &[("f", Some("theirs\n"))]);
    sandbox.write("f", "ours\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "second", "all": true}));
    let failure = sandbox.bad("rebase", json!({"sandbox_id": "s1", "upstream": "side"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
    assert_eq!(sandbox.git(&["branch", "--show-current"]), "agent-a1-t1");
    sandbox.write("f", "not committed\n");
    let failure = sandbox.bad("rebase", json!({"sandbox_id": "s1", "upstream": "side"}));
    assert_eq!(failure.code.name, "local-changes-overwritten");
    let missing = json!({"sandbox_id": "s1", "upstream": "side", "onto": "no-such"});
    sandbox.git(&["restore", "f"]);
    assert_eq!(sandbox.bad("rebase", missing).code.name, "ref-not-found");
}

#[test]
fn a_rebase_of_two_commits_that_both_conflict_is_done_by_asking_and_answering_alone() {
    let mut sandbox = diverged(&[("f", Some("1 ours\n2\n3\n"))], &[("f", Some("1 theirs\n2\n3 theirs\n"))]);
    sandbox.write("f", "1 ours\n2\n3 ours\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "second", "all": true}));
    let keep = json!({"sandbox_id": "s1", "upstream": "side", "on_conflict": "keep"});
    let failure = sandbox.bad("rebase", keep.clone());
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    let progress = failure.output.unwrap()["progress"].clone();
    assert_eq!((progress["step"].as_u64(), progress["total"].as_u64()), (Some(1), Some(2)));
    assert_eq!(sandbox.bad("rebase", keep).code.name, "operation-in-progress");

    let list = sandbox.good("conflict-list", json!({"sandbox_id": "s1"}));
    assert_eq!((&list["in_progress"], list["conflicts_total"].as_u64()), (&json!("rebase"), Some(1)));
    let shown = sandbox.good("conflict-show", json!({"sandbox_id": "s1", "path": "f"}));
    assert_eq!(shown["hunks"][0]["ours"]["text"], "1 theirs\n", "in a rebase ours is what they are put on");
    let resolve = |hunks| json!({"sandbox_id": "s1", "path": "f", "with": "hunks", "hunks": hunks});
    sandbox.good("conflict-resolve", resolve(json!([{"number": 1, "with": "theirs"}])));

    let failure = sandbox.bad("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    assert_eq!(failure.output.unwrap()["progress"]["step"], 2);
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(
        (&status["in_progress"], &status["progress"]["branch"]),
        (&json!("rebase"), &json!("agent-a1-t1"))
    );
    sandbox.good("conflict-resolve", resolve(json!([{"number": 1, "with": "union"}])));

    let output = sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!((&output["in_progress"], &output["branch"]), (&json!(null), &json!("agent-a1-t1")));
    assert_eq!(sandbox.read("f"), "1 ours\n2\n3 theirs\n3 ours\n");
    assert_eq!(sandbox.git(&["log", "--format=%s", "-3"]), "second\nours\ntheirs");
}
