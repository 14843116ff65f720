//! `stash-push`.

use serde_json::json;

use crate::server::Server;

#[test]
fn changes_are_put_aside_under_a_name_and_nothing_is_done_where_there_are_none() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write("unknown", "u\n");
    let input = json!({"sandbox_id": "s1", "message": "-q half a thought"});
    let output = sandbox.good("stash-push", input.clone());
    assert_eq!(output["oid"], sandbox.git(&["rev-parse", "refs/stash"]));
    assert_eq!(sandbox.git(&["status", "--short"]), "?? unknown");
    assert!(sandbox.git(&["stash", "list"]).ends_with(": -q half a thought"));
    let nothing = sandbox.good("stash-push", input);
    assert_eq!(nothing, json!({"oid": null, "changed": false}));
    let untracked = json!({"sandbox_id": "s1", "include_untracked": true});
    assert_eq!(sandbox.good("stash-push", untracked)["changed"], true);
    assert_eq!(sandbox.git(&["status", "--short"]), "");
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn some_files_only_and_what_is_staged_may_stay() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write("g", "changed\n");
    sandbox.good("stash-push", json!({"sandbox_id": "s1", "files": ["f"]}));
    assert_eq!(sandbox.git(&["status", "--short"]), "M g");
    sandbox.git(&["add", "g"]);
    sandbox.write("f", "again\n");
    sandbox.good("stash-push", json!({"sandbox_id": "s1", "keep_index": true}));
    assert_eq!(sandbox.git(&["status", "--short"]), "M  g");
    let failure = sandbox.bad("stash-push", json!({"sandbox_id": "s1", "files": ["nope"]}));
    assert_eq!(failure.code.name, "path-not-found");
}

#[test]
fn a_merge_and_a_repository_without_commits_are_refused() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    crate::reset::conflict(&mut sandbox, &server);
    let input = json!({"sandbox_id": "s1"});
    assert_eq!(sandbox.bad("stash-push", input.clone()).code.name, "unmerged-paths");
    sandbox.write("f", "both\n");
    sandbox.git(&["add", "f"]);
    // git would put the files aside and forget that this is a merge.
    assert_eq!(sandbox.bad("stash-push", input.clone()).code.name, "operation-in-progress");
    assert_eq!(sandbox.read("f"), "both\n");
    server.empty_repository("a/empty.git");
    let mut empty = server.sandbox();
    let url = format!("{}a/empty.git", server.url);
    empty.good("clone", json!({"repo_url": url, "agent_id": "a1", "task_id": "t1"}));
    assert_eq!(empty.bad("stash-push", input).code.name, "empty-repository");
}
