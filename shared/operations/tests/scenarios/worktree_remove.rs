//! `worktree-remove`.

use serde_json::json;

use crate::server::Server;

#[test]
fn what_is_not_committed_there_is_refused_unless_forced_and_then_kept() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let input = |force: bool| json!({"sandbox_id": "s1", "name": "side", "force": force});
    assert_eq!(sandbox.bad("worktree-remove", input(false)).code.name, "worktree-not-found");
    let add = json!({"sandbox_id": "s1", "name": "side", "branch": "side", "create": true});
    sandbox.good("worktree-add", add);
    let path = sandbox.home.path().join("worktrees/side");
    std::fs::write(path.join("f"), "changed\n").unwrap();
    std::fs::write(path.join("unknown"), "u\n").unwrap();
    assert_eq!(sandbox.bad("worktree-remove", input(false)).code.name, "worktree-dirty");
    let output = sandbox.good("worktree-remove", input(true));
    assert!(!path.exists());
    let kept = output["kept"].as_str().unwrap();
    for (file, text) in [("f", "changed"), ("unknown", "u"), ("g", "x")] {
        assert_eq!(sandbox.git(&["show", &format!("{kept}:{file}")]), text);
    }
    assert!(sandbox.git(&["for-each-ref", "refs/gitledger/snapshots"]).contains(kept));
    sandbox.good("worktree-add", json!({"sandbox_id": "s1", "name": "side", "branch": "side"}));
    assert_eq!(sandbox.good("worktree-remove", input(false))["kept"], json!(null));
    assert!(!path.exists());
}
