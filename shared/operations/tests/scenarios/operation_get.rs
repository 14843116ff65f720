//! `operation-get`.

use serde_json::json;
use uuid::Uuid;

use crate::server::Server;

#[test]
fn an_operation_is_told_with_what_it_moved_and_one_that_is_not_there_is_named() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    let commit = sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let id = sandbox.last();
    let told = sandbox.good("operation-get", json!({"id": id}));
    let told = &told["record"];
    assert_eq!((told["operation"].as_str(), told["state"].as_str()), (Some("commit"), Some("succeeded")));
    assert_eq!(told["head_after"], commit["commit_hash"]);
    assert!(sandbox.plans.is_empty(), "nothing runs for it");
    let missing = sandbox.bad("operation-get", json!({"id": Uuid::nil()}));
    assert_eq!(missing.code.name, "operation-not-found");
}
