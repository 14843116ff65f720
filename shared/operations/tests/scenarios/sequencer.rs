//! `sequencer`.

use serde_json::json;

use crate::merge::diverged;
use crate::sandbox::Sandbox;

fn open(operation: &str) -> Sandbox {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    let mut input = json!({"sandbox_id": "s1", "on_conflict": "keep"});
    match operation {
        "merge" => input["source"] = json!("side"),
        "rebase" => input["upstream"] = json!("side"),
        _ => input["revisions"] = json!(["side"]),
    }
    assert_eq!(sandbox.bad(operation, input).code.name, "merge-conflict");
    sandbox
}

fn act(action: &str) -> serde_json::Value {
    json!({"sandbox_id": "s1", "action": action})
}

#[test]
fn whatever_is_open_is_given_up_and_everything_is_as_before() {
    for operation in ["merge", "rebase", "cherry-pick", "revert"] {
        let mut sandbox = open(operation);
        sandbox.good("conflict-resolve", json!({"sandbox_id": "s1", "path": "f", "with": "union"}));
        let output = sandbox.good("sequencer", act("abort"));
        assert_eq!((&output["operation"], &output["in_progress"]), (&json!(operation), &json!(null)));
        assert_eq!(sandbox.read("f"), "ours\n");
        assert_eq!(sandbox.git(&["branch", "--show-current"]), "agent-a1-t1");
        assert_eq!(sandbox.bad("sequencer", act("abort")).code.name, "no-operation-in-progress");
    }
}

#[test]
fn the_commit_at_hand_is_left_out_and_a_merge_has_none() {
    for operation in ["rebase", "cherry-pick", "revert"] {
        let mut sandbox = open(operation);
        let output = sandbox.good("sequencer", act("skip"));
        assert_eq!(output["in_progress"], json!(null));
        assert_eq!(sandbox.read("f"), if operation == "rebase" { "theirs\n" } else { "ours\n" });
    }
    assert_eq!(open("merge").bad("sequencer", act("skip")).code.name, "action-not-possible");
}

#[test]
fn what_is_forgotten_leaves_everything_as_it_is() {
    for operation in ["merge", "rebase", "cherry-pick", "revert"] {
        let mut sandbox = open(operation);
        let marked = sandbox.read("f");
        let output = sandbox.good("sequencer", act("quit"));
        assert_eq!((output["changed"].as_bool(), &output["in_progress"]), (Some(false), &json!(null)));
        assert_eq!(sandbox.read("f"), marked);
        let again = json!({"sandbox_id": "s1", "source": "side"});
        assert_eq!(sandbox.bad("merge", again).code.name, "unmerged-paths");
    }
}

#[test]
fn while_something_is_open_nothing_else_begins() {
    for operation in ["merge", "rebase", "cherry-pick", "revert"] {
        let mut sandbox = open(operation);
        sandbox.good("conflict-resolve", json!({"sandbox_id": "s1", "path": "f", "with": "ours"}));
        for (name, input) in [
            ("merge", json!({"source": "side"})),
            ("merge", json!({"source": "side", "squash": true})),
            ("rebase", json!({"upstream": "side"})),
            ("cherry-pick", json!({"revisions": ["side"]})),
            ("revert", json!({"revisions": ["side"]})),
        ] {
            let mut input = input;
            input["sandbox_id"] = json!("s1");
            let failure = sandbox.bad(name, input);
            assert_eq!(failure.code.name, "operation-in-progress");
            assert_eq!(failure.output.unwrap()["in_progress"], json!(operation));
        }
    }
}

#[test]
fn nothing_open_is_nothing_to_go_on_with() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    assert_eq!(sandbox.bad("sequencer", act("continue")).code.name, "no-operation-in-progress");
}
