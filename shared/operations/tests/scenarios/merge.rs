//! `merge`.

use gitledger_events::Fact;
use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::server::Server;

/// A sandbox whose branch and whose branch `side` have each a commit of their own, which change these files;
/// `None` removes one.
pub fn diverged(ours: &[(&str, Option<&str>)], theirs: &[(&str, Option<&str>)]) -> Sandbox {
    let server = Server::with_repository(None);
    let sandbox = server.cloned();
    let commit = |changes: &[(&str, Option<&str>)], message: &str| {
        for (path, text) in changes {
            match text {
                Some(text) => sandbox.write(path, text),
                None => std::fs::remove_file(sandbox.dir().join(path)).unwrap(),
            }
        }
        sandbox.git(&["add", "--all"]);
        sandbox.git(&["commit", "-qm", message]);
    };
    sandbox.git(&["switch", "-qc", "side"]);
    commit(theirs, "theirs");
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    commit(ours, "ours");
    sandbox
}

#[test]
fn a_branch_that_only_went_on_is_merged_by_going_forward_and_a_repeat_changes_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["switch", "-qc", "side"]);
    sandbox.write("n", "n\n");
    sandbox.git(&["add", "n"]);
    sandbox.git(&["commit", "-qm", "n"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    let merge = json!({"sandbox_id": "s1", "source": "side"});
    let output = sandbox.good("merge", merge.clone());
    assert_eq!((output["changed"].as_bool(), output["fast_forward"].as_bool()), (Some(true), Some(true)));
    assert_eq!(output["head"], json!(sandbox.git(&["rev-parse", "side"])));
    assert_eq!(sandbox.plans.len(), 1, "one round trip");
    assert_eq!(sandbox.good("merge", merge)["changed"], false);
}

#[test]
fn two_histories_are_joined_by_a_commit_with_two_parents_and_the_message_given() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let input = json!({"sandbox_id": "s1", "source": "side", "ff": "only"});
    assert_eq!(sandbox.bad("merge", input).code.name, "diverged");
    let input = json!({"sandbox_id": "s1", "source": "side", "message": "#1 joined\n\nwith a reason"});
    let output = sandbox.good("merge", input);
    assert_eq!((output["changed"].as_bool(), output["fast_forward"].as_bool()), (Some(true), Some(false)));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), sandbox.git(&["rev-parse", "side"]));
    assert_eq!(sandbox.git(&["log", "-1", "--format=%B"]), "#1 joined\n\nwith a reason");
}

#[test]
fn a_squash_is_one_commit_with_one_parent_and_a_conflict_in_it_leaves_nothing() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let input = json!({"sandbox_id": "s1", "source": "side", "squash": true, "message": "all of it"});
    sandbox.good("merge", input.clone());
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s %p"]).split(' ').count(), 4, "all of it, one parent");
    assert_eq!(sandbox.read("g"), "theirs\n");
    sandbox.write("g", "and ours\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "g", "all": true}));
    sandbox.write("f", "not committed\n");
    let failure = sandbox.bad("merge", input);
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
    assert_eq!((sandbox.read("f"), sandbox.read("g")), ("not committed\n".into(), "and ours\n".into()));
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "");
}

#[test]
fn a_conflict_is_told_with_its_sides_and_nothing_stays_changed() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n")), ("n", Some("n\n"))]);
    sandbox.write("g", "not committed\n");
    let failure = sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
    let conflict = failure.output.unwrap()["conflicts"][0].clone();
    assert_eq!((conflict["path"].as_str(), conflict["kind"].as_str()), (Some("f"), Some("UU")));
    for (side, revision) in [("base", "HEAD~1:f"), ("ours", "HEAD:f"), ("theirs", "side:f")] {
        assert_eq!(conflict[side]["oid"], json!(sandbox.git(&["rev-parse", revision])), "{side}");
    }
    assert!(sandbox.facts.iter().any(|fact| matches!(fact, Fact::ConflictDetected(_))));
    assert_eq!((sandbox.read("f"), sandbox.read("g")), ("ours\n".into(), "not committed\n".into()));
    assert!(!sandbox.dir().join("n").exists());
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn what_would_be_lost_stops_it_before_anything_moves() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n")), ("n", Some("n\n"))]);
    let merge = json!({"sandbox_id": "s1", "source": "side"});
    sandbox.write("g", "not committed\n");
    assert_eq!(sandbox.bad("merge", merge.clone()).code.name, "local-changes-overwritten");
    sandbox.git(&["restore", "g"]);
    sandbox.write("n", "not known\n");
    assert_eq!(sandbox.bad("merge", merge.clone()).code.name, "untracked-overwritten");
    assert_eq!(sandbox.read("n"), "not known\n");
    let missing = sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "no-such"}));
    assert_eq!(missing.code.name, "ref-not-found");
}

#[test]
fn a_dry_run_says_what_would_be() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let dry = json!({"sandbox_id": "s1", "source": "side", "dry_run": true});
    let output = sandbox.good("merge", dry.clone());
    assert_eq!((output["changed"].as_bool(), output["fast_forward"].as_bool()), (Some(true), Some(false)));
    assert_eq!(output["head"], json!(sandbox.git(&["rev-parse", "HEAD"])));
    sandbox.write("g", "ours\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "g", "all": true}));
    assert_eq!(sandbox.bad("merge", dry).code.name, "merge-conflict");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_whole_merge_with_conflicts_is_done_by_asking_and_answering_alone() {
    let ours = [("f", Some("one ours\n2\n3 ours\n")), ("g", None), ("both", Some("a\n"))];
    let theirs = [("f", Some("one theirs\n2\n3 theirs\n")), ("g", Some("y\n")), ("both", Some("b\n"))];
    let mut sandbox = diverged(&ours, &theirs);
    let keep = json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"});
    let failure = sandbox.bad("merge", keep);
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    let list = sandbox.good("conflict-list", json!({"sandbox_id": "s1"}));
    let kinds: Vec<_> = list["conflicts"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!((json!(kinds), &list["in_progress"]), (json!(["AA", "UU", "DU"]), &json!("merge")));
    let shown = sandbox.good("conflict-show", json!({"sandbox_id": "s1", "path": "f"}));
    assert_eq!(shown["hunks"][1]["theirs"], json!({"line": 3, "lines": 1, "text": "3 theirs\n"}));
    let stopped = sandbox.bad("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!(stopped.code.name, "unmerged-paths");
    let hunks =
        json!([{"number": 1, "with": "ours"}, {"number": 2, "with": "content", "content": "three\n"}]);
    for (path, with, hunks, left) in
        [("f", "hunks", hunks, 2), ("g", "delete", json!([]), 1), ("both", "union", json!([]), 0)]
    {
        let input = json!({"sandbox_id": "s1", "path": path, "with": with, "hunks": hunks});
        let output = sandbox.good("conflict-resolve", input);
        assert_eq!((output["remaining"].as_u64(), &output["in_progress"]), (Some(left), &json!("merge")));
    }
    let output = sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!((&output["operation"], &output["in_progress"]), (&json!("merge"), &json!(null)));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), sandbox.git(&["rev-parse", "side"]));
    assert_eq!((sandbox.read("f"), sandbox.read("both")), ("one ours\n2\nthree\n".into(), "a\nb\n".into()));
    assert!(!sandbox.dir().join("g").exists());
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
}
