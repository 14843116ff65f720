//! `operation-undo`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_branch_that_was_made_is_gone_again_and_the_undo_can_be_undone() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": "side"}));
    let made = sandbox.last();
    let would = sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": made, "dry_run": true}));
    assert_eq!(would["refs_restored"][0]["name"], "refs/heads/side");
    assert!(sandbox.git(&["branch", "--list", "side"]).contains("side"), "a dry run changes nothing");
    let undone = sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": made}));
    assert_eq!(undone["refs_restored"], would["refs_restored"]);
    assert_eq!(sandbox.git(&["branch", "--list", "side"]), "");
    let undo = sandbox.last();
    sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": undo}));
    assert!(sandbox.git(&["branch", "--list", "side"]).contains("side"));
}

#[test]
fn a_branch_that_head_is_on_is_not_taken_away() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": "side", "switch": true}));
    let made = sandbox.last();
    let failure = sandbox.bad("operation-undo", json!({"sandbox_id": "s1", "id": made}));
    assert_eq!(failure.code.name, "branch-in-use", "{failure:?}");
    sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "agent-a1-t1"}));
    sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": made}));
}

#[test]
fn a_commit_is_undone_with_its_changes_kept_and_not_once_head_has_moved() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("f", "changed\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let first = sandbox.last();
    sandbox.write("f", "again\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "n", "all": true}));
    let second = sandbox.last();
    assert_eq!(
        sandbox.bad("operation-undo", json!({"sandbox_id": "s1", "id": first})).code.name,
        "head-moved"
    );
    sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": second}));
    sandbox.good("operation-undo", json!({"sandbox_id": "s1", "id": first}));
    assert_eq!((sandbox.git(&["rev-parse", "HEAD"]), sandbox.read("f")), (head, "again\n".to_owned()));
    assert_eq!(
        sandbox.bad("operation-undo", json!({"sandbox_id": "s1", "id": first})).code.name,
        "head-moved"
    );
}

#[test]
fn what_cannot_be_undone_is_said() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let clone = sandbox.last();
    assert_eq!(
        sandbox.bad("operation-undo", json!({"sandbox_id": "s1", "id": clone})).code.name,
        "not-undoable"
    );
    let _ = sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "nowhere"}));
    let failed = sandbox.last();
    assert_eq!(
        sandbox.bad("operation-undo", json!({"sandbox_id": "s1", "id": failed})).code.name,
        "not-undoable"
    );
}
