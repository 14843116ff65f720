//! `branch-create`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_branch_begins_where_it_is_told_and_is_gone_to_only_if_asked() {
    let mut sandbox = Server::with_repository(None).cloned();
    let output = sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": "side"}));
    assert_eq!(
        (&output["oid"], output["current"].as_bool()),
        (&json!(sandbox.git(&["rev-parse", "HEAD"])), Some(false))
    );
    let old = sandbox.git(&["rev-parse", "HEAD~1"]);
    let input = json!({"sandbox_id": "s1", "name": "old", "start_point": old});
    assert_eq!(sandbox.good("branch-create", input)["oid"], json!(old));
}

#[test]
fn an_existing_branch_is_never_moved() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["branch", "side", "HEAD~1"]);
    let failure = sandbox.bad("branch-create", json!({"sandbox_id": "s1", "name": "side"}));
    assert_eq!(failure.code.name, "branch-exists");
    let failure = sandbox.bad("branch-create", json!({"sandbox_id": "s1", "name": "side/x"}));
    assert_eq!(failure.code.name, "ref-name-conflict");
}
