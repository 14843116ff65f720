//! `branch-rename`.

use serde_json::json;

use crate::server::Server;

fn rename(name: &str, new_name: &str) -> serde_json::Value {
    json!({"sandbox_id": "s1", "name": name, "new_name": new_name})
}

#[test]
fn a_branch_and_the_current_one_get_other_names() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["branch", "side"]);
    let output = sandbox.good("branch-rename", rename("side", "topic/one"));
    assert_eq!((&output["name"], output["current"].as_bool()), (&json!("topic/one"), Some(false)));
    let output = sandbox.good("branch-rename", rename("agent-a1-t1", "mine"));
    assert_eq!(output["current"], true);
    assert_eq!(sandbox.git(&["branch", "--show-current"]), "mine");
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn a_name_that_is_taken_or_in_anothers_way_and_a_branch_that_is_not_there_are_told() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["branch", "side"]);
    sandbox.git(&["branch", "a/b"]);
    assert_eq!(sandbox.bad("branch-rename", rename("side", "agent-a1-t1")).code.name, "branch-exists");
    assert_eq!(sandbox.bad("branch-rename", rename("side", "a")).code.name, "ref-name-conflict");
    assert_eq!(sandbox.bad("branch-rename", rename("no-such", "x")).code.name, "ref-not-found");
}
