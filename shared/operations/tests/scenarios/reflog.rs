//! `reflog`.

use serde_json::{Value, json};

use crate::server::Server;

#[test]
fn a_commit_that_no_branch_has_any_more_is_found() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let before = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("f", "lost\n");
    let lost = sandbox.good("commit", json!({"sandbox_id": "s1", "message": "lost", "all": true}));
    sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let log = sandbox.good("reflog", json!({"sandbox_id": "s1"}));
    let entries = log["entries"].as_array().unwrap();
    assert_eq!((&entries[0]["oid"], &entries[0]["old_oid"]), (&json!(before), &lost["commit_hash"]));
    assert_eq!((&entries[1]["oid"], &entries[1]["message"]), (&lost["commit_hash"], &json!("commit: lost")));
    assert_eq!(entries[1]["moved_at"], "2023-11-14T22:13:20Z");
    let branch = sandbox.good("reflog", json!({"sandbox_id": "s1", "ref": "agent-a1-t1", "limit": 1}));
    assert_eq!((&branch["entries"][0]["oid"], &branch["truncated"]), (&json!(before), &json!(true)));
    let failure = sandbox.bad("reflog", json!({"sandbox_id": "s1", "ref": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn pages_follow_each_other_until_the_reference_moves() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let commit = json!({"sandbox_id": "s1", "message": "m", "allow_empty": true});
    for _ in 0..5 {
        sandbox.good("commit", commit.clone());
    }
    let total = sandbox.git(&["reflog"]).lines().count();
    let mut input = json!({"sandbox_id": "s1", "limit": 2});
    let mut indexes: Vec<Value> = Vec::new();
    loop {
        let page = sandbox.good("reflog", input.clone());
        indexes.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["index"].clone()));
        if page["cursor"].is_null() {
            break;
        }
        input["output"] = json!({"cursor": page["cursor"]});
    }
    assert_eq!(indexes, (0..total).map(|index| json!(index)).collect::<Vec<_>>());
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "n"]);
    assert_eq!(sandbox.bad("reflog", input).code.name, "cursor-expired");
}
