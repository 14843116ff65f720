//! `branch-delete`.

use serde_json::json;

use crate::merge::diverged;
use crate::server::Server;

#[test]
fn a_branch_whose_commits_are_elsewhere_goes_and_its_place_is_told() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["branch", "side"]);
    let oid = sandbox.git(&["rev-parse", "side"]);
    let output = sandbox.good("branch-delete", json!({"sandbox_id": "s1", "name": "side"}));
    assert_eq!(output["oid"], json!(oid));
    let failure = sandbox.bad("branch-delete", json!({"sandbox_id": "s1", "name": "side"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn commits_that_are_nowhere_else_are_kept_unless_forced() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("g", Some("theirs\n"))]);
    let mut input = json!({"sandbox_id": "s1", "name": "side"});
    assert_eq!(sandbox.bad("branch-delete", input.clone()).code.name, "not-fully-merged");
    input["expected_oid"] = json!("0".repeat(39) + "1");
    input["force"] = json!(true);
    let failure = sandbox.bad("branch-delete", input.clone());
    assert_eq!(failure.code.name, "ref-moved");
    input["expected_oid"] = failure.output.unwrap()["oid"].clone();
    sandbox.good("branch-delete", input);
}

#[test]
fn the_branch_that_head_is_on_or_another_worktree_is_on_stays() {
    let mut sandbox = Server::with_repository(None).cloned();
    let delete = |name: &str| json!({"sandbox_id": "s1", "name": name, "force": true});
    assert_eq!(sandbox.bad("branch-delete", delete("agent-a1-t1")).code.name, "branch-in-use");
    let elsewhere = sandbox.home.path().join("elsewhere");
    sandbox.git(&["worktree", "add", "-q", "-b", "other", elsewhere.to_str().unwrap()]);
    assert_eq!(sandbox.bad("branch-delete", delete("other")).code.name, "branch-in-use");
}
