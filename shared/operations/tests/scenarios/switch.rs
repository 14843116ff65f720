//! `switch`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_branch_is_gone_to_and_made_first_if_asked() {
    let mut sandbox = Server::with_repository(None).cloned();
    let input = json!({"sandbox_id": "s1", "branch": "topic", "create": true, "start_point": "origin/main"});
    let output = sandbox.good("switch", input);
    assert_eq!(
        (output["created"].as_bool(), &output["previous_branch"]),
        (Some(true), &json!("agent-a1-t1"))
    );
    let output = sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "agent-a1-t1"}));
    assert_eq!((output["created"].as_bool(), &output["branch"]), (Some(false), &json!("agent-a1-t1")));
}

#[test]
fn changes_that_would_be_lost_and_branches_that_are_not_there_stop_it() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["branch", "old", "HEAD~1"]);
    sandbox.write("g", "not committed\n");
    let old = json!({"sandbox_id": "s1", "branch": "old"});
    assert_eq!(sandbox.bad("switch", old).code.name, "local-changes-overwritten");
    assert_eq!(sandbox.read("g"), "not committed\n");
    let failure = sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "no-such"}));
    assert_eq!(failure.code.name, "ref-not-found");
}
