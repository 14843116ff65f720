//! `status`.

use serde_json::json;

use crate::server::Server;

#[test]
fn every_kind_of_change_has_its_own_list() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.git(&["mv", "g", "h i"]);
    sandbox.write("caf\u{e9}.txt", "n");
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["modified"], json!(["f"]));
    assert_eq!(status["renamed"], json!([{"path": "h i", "orig_path": "g"}]));
    assert_eq!(status["untracked"], json!(["caf\u{e9}.txt"]));
    assert_eq!((sandbox.plans.len(), sandbox.plans[0].steps.len()), (1, 1), "one process, one round trip");
}

#[test]
fn a_head_that_moved_is_told_and_nothing_is_looked_at() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.good("status", json!({"sandbox_id": "s1", "expected_head": head}));
    let failure = sandbox.bad("status", json!({"sandbox_id": "s1", "expected_head": "0".repeat(40)}));
    assert_eq!(failure.code.name, "head-moved");
    assert_eq!(failure.output.unwrap()["head"], json!(head));
}
