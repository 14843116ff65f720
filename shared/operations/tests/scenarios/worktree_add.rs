//! `worktree-add`.

use serde_json::json;

use crate::sandbox::git;
use crate::server::Server;

#[test]
fn a_second_copy_has_a_branch_of_its_own_and_shares_its_commits() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let input = json!({
        "sandbox_id": "s1", "name": "side", "branch": "side", "create": true, "start_point": "origin/main",
    });
    let output = sandbox.good("worktree-add", input.clone());
    assert_eq!(sandbox.plans.len(), 1);
    let path = sandbox.home.path().canonicalize().unwrap().join("worktrees/side");
    assert_eq!((output["path"].as_str(), output["created"].as_bool()), (path.to_str(), Some(true)));
    assert_eq!(output["head"], server.tip("main"));
    std::fs::write(path.join("f"), "there\n").unwrap();
    git(&path, &["commit", "-qam", "there"]);
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
    assert_eq!(sandbox.good("status", json!({"sandbox_id": "s1"}))["clean"], true);
    let diff = sandbox.good("diff", json!({"sandbox_id": "s1", "from": "HEAD", "to": "side"}));
    assert_eq!(diff["files"][0]["path"], "f");
    // The names are taken now.
    assert_eq!(
        sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "side"})).code.name,
        "branch-in-use"
    );
    let mut other = json!({"sandbox_id": "s1", "name": "other", "branch": "side"});
    assert_eq!(sandbox.bad("worktree-add", other.clone()).code.name, "branch-in-use");
    assert_eq!(sandbox.bad("worktree-add", input).code.name, "branch-exists");
    other["branch"] = json!("nope");
    assert_eq!(sandbox.bad("worktree-add", other).code.name, "ref-not-found");
    sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": "b"}));
    let again = json!({"sandbox_id": "s1", "name": "side", "branch": "b"});
    assert_eq!(sandbox.bad("worktree-add", again.clone()).code.name, "path-exists");
    // A folder that is gone frees them.
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(sandbox.good("worktree-add", again)["branch"], "b");
}

#[test]
fn the_next_clone_removes_it() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let input = json!({"sandbox_id": "s1", "name": "side", "branch": "agent-a1-t2", "create": true});
    sandbox.good("worktree-add", input);
    let clone = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t2"});
    sandbox.good("clone", clone);
    assert!(!sandbox.home.path().join("worktrees").exists());
    assert_eq!(sandbox.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
}
