//! `pull`.

use serde_json::json;

use crate::server::Server;

#[test]
fn the_remotes_commits_come_in_under_the_own_ones() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    server.push_by_another("main", "theirs", "t\n");
    let output = sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!((output["updated"].as_bool(), output["ahead"].as_u64()), (Some(true), Some(1)));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD~1"]), server.tip("main"));
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn a_merge_that_stays_open_is_resolved_and_continued_and_nothing_else_begins_before() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "mine\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    server.push_by_another("main", "f", "theirs\n");
    let keep = json!({"sandbox_id": "s1", "auto_rebase": false, "on_conflict": "keep"});
    let failure = sandbox.bad("pull", keep);
    let conflict = failure.output.unwrap()["conflicts"][0].clone();
    assert_eq!(conflict["theirs"]["oid"], json!(sandbox.git(&["rev-parse", "origin/main:f"])));
    sandbox.good("conflict-resolve", json!({"sandbox_id": "s1", "path": "f", "with": "ours"}));
    assert_eq!(sandbox.bad("pull", json!({"sandbox_id": "s1"})).code.name, "operation-in-progress");
    sandbox.good("sequencer", json!({"sandbox_id": "s1", "action": "continue"}));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), server.tip("main"));
}
