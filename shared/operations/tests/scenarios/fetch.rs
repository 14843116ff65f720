//! `fetch`.

use serde_json::json;

use crate::sandbox::git;
use crate::server::Server;

#[test]
fn what_moved_appeared_and_went_is_told_and_no_branch_of_the_workspace_moves() {
    let server = Server::with_repository(None);
    git(&server.bare("a/r.git"), &["branch", "gone", "main"]);
    let mut sandbox = server.cloned();
    let (before, first) = (server.tip("main"), sandbox.git(&["rev-parse", "HEAD"]));
    server.push_by_another("main", "theirs", "t\n");
    git(&server.bare("a/r.git"), &["branch", "-D", "gone"]);
    git(&server.bare("a/r.git"), &["tag", "v1", "main"]);
    let output = sandbox.good("fetch", json!({"sandbox_id": "s1", "prune": true}));
    let tip = server.tip("main");
    let mut moved = output["refs_changed"].as_array().unwrap().clone();
    moved.sort_by_key(|change| change["name"].to_string());
    assert_eq!(
        moved,
        [
            json!({"name": "refs/remotes/origin/gone", "old": before}),
            json!({"name": "refs/remotes/origin/main", "old": before, "new": tip}),
            json!({"name": "refs/tags/v1", "new": tip}),
        ]
    );
    assert_eq!((output["head"].as_str(), sandbox.plans.len()), (Some(first.as_str()), 1));
}

#[test]
fn a_branch_that_the_remote_does_not_have_is_named_by_a_code() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let failure = sandbox.bad("fetch", json!({"sandbox_id": "s1", "branch": "nowhere"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn a_shallow_history_is_made_whole() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    let clone = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "depth": 1});
    sandbox.good("clone", clone);
    assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]), "1");
    sandbox.good("fetch", json!({"sandbox_id": "s1", "unshallow": true}));
    assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]), "2");
}
