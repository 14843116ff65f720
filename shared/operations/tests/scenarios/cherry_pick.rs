//! `cherry-pick`.

use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::merge::diverged;
use crate::sandbox::Sandbox;

/// `side` has two commits that change `g` and then `f`.
fn two(ours: &str) -> (Sandbox, Vec<String>) {
    let sandbox = diverged(&[("f", Some(ours))], &[("g", Some("theirs\n"))]);
    sandbox.git(&["switch", "-q", "side"]);
    sandbox.write("f", "1\n2\n3 theirs\n");
    sandbox.git(&["commit", "-qam", "second"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    let commits = ["side~1", "side"].map(|name| sandbox.git(&["rev-parse", name]));
    (sandbox, commits.to_vec())
}

#[test]
fn commits_are_made_again_in_the_order_given_with_their_authors() {
    let (mut sandbox, commits) = two("1 ours\n2\n3\n");
    let output = sandbox.good("cherry-pick", json!({"sandbox_id": "s1", "revisions": commits}));
    assert_eq!(output["commits"].as_array().unwrap().len(), 2);
    assert_eq!(output["commits"][1], output["head"]);
    assert_eq!(sandbox.git(&["log", "--format=%s %an %cn", "-2"]), "second p a1\ntheirs p a1");
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn without_a_commit_the_changes_of_all_are_staged_and_the_branch_stays() {
    let (mut sandbox, commits) = two("1 ours\n2\n3\n");
    sandbox.write("new", "not known\n");
    let input = json!({"sandbox_id": "s1", "revisions": commits, "no_commit": true});
    let output = sandbox.good("cherry-pick", input.clone());
    assert_eq!((output["changed"].as_bool(), output["staged"].as_bool()), (Some(false), Some(true)));
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "f\ng");
    let failure = sandbox.bad("cherry-pick", input);
    assert_eq!(failure.code.name, "local-changes-overwritten", "{failure:?}");
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "f\ng", "what was staged is not lost");
}

#[test]
fn a_conflict_in_the_second_takes_the_first_back_too_with_or_without_commits() {
    let (mut sandbox, commits) = two("1\n2\n3 ours\n");
    for no_commit in [false, true] {
        let input = json!({"sandbox_id": "s1", "revisions": commits, "no_commit": no_commit});
        let failure = sandbox.bad("cherry-pick", input);
        assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn a_commit_that_changes_nothing_here_is_told_and_can_be_skipped() {
    let (mut sandbox, commits) = two("1 ours\n2\n3\n");
    sandbox.good("cherry-pick", json!({"sandbox_id": "s1", "revisions": [commits[0]]}));
    let input = json!({"sandbox_id": "s1", "revisions": commits});
    let failure = sandbox.bad("cherry-pick", input);
    assert_eq!((failure.code.name, failure.side_effect), ("empty-change", SideEffect::None));
    assert_eq!(failure.output.unwrap()["commit"], json!(commits[0]));
    let keep = json!({"sandbox_id": "s1", "revisions": commits, "on_conflict": "keep"});
    let failure = sandbox.bad("cherry-pick", keep);
    assert_eq!((failure.code.name, failure.side_effect), ("empty-change", SideEffect::Applied));
    let failure = sandbox.bad("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!((failure.code.name, failure.side_effect), ("empty-change", SideEffect::None));
    let output = sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "skip"}));
    assert_eq!((&output["operation"], &output["in_progress"]), (&json!("cherry-pick"), &json!(null)));
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s"]), "second");
}

#[test]
fn a_merge_needs_a_mainline_that_is_one_of_its_parents() {
    let (mut sandbox, commits) = two("1 ours\n2\n3\n");
    sandbox.git(&["switch", "-q", "side"]);
    sandbox.git(&["merge", "-q", "--no-edit", "agent-a1-t1"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    let pick = |revision: &str| json!({"sandbox_id": "s1", "revisions": [revision]});
    assert_eq!(sandbox.bad("cherry-pick", pick("side")).code.name, "mainline-mismatch");
    let mut with = pick(&commits[0]);
    with["mainline"] = json!(2);
    assert_eq!(sandbox.bad("cherry-pick", with).code.name, "mainline-mismatch");
    let mut with = pick("side");
    with["mainline"] = json!(2);
    sandbox.good("cherry-pick", with);
    assert_eq!((sandbox.read("g"), sandbox.read("f")), ("theirs\n".into(), "1 ours\n2\n3 theirs\n".into()));
    let failure = sandbox.bad("cherry-pick", json!({"sandbox_id": "s1", "revisions": ["side", "no-such"]}));
    assert!(failure.message.contains("no-such"), "{failure:?}");
}
