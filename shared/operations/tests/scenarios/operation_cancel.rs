//! `operation-cancel`: what it answers. That it stops a real clone is tested with the whole system.

use gitledger_operations::record::State;
use serde_json::json;

use crate::server::Server;

#[test]
fn what_runs_is_told_to_stop_and_what_has_ended_is_not() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": "side"}));
    let id = sandbox.last();
    assert_eq!(sandbox.bad("operation-cancel", json!({"id": id})).code.name, "not-running");
    let place = sandbox.records.iter().position(|record| record.id == id).unwrap();
    sandbox.records[place].state = State::Running;
    let told = sandbox.good("operation-cancel", json!({"id": id}));
    assert_eq!(told, json!({"id": id, "name": "branch-create", "cancelling": true}));
}
