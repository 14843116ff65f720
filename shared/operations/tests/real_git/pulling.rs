//! `pull`.

use gitledger_events::Fact;
use serde_json::json;

use crate::server::Server;

#[test]
fn a_pull_puts_the_own_commits_on_top_and_a_repeat_changes_nothing() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    server.push_by_another("main", "theirs", "t\n");
    let output = sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!((output["updated"].as_bool(), output["has_conflicts"].as_bool()), (Some(true), Some(false)));
    assert_eq!((output["ahead"].as_u64(), output["behind"].as_u64()), (Some(1), Some(0)));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD~1"]), server.tip("main"));
    assert_eq!(sandbox.plans.len(), 1);
    let output = sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!(output["updated"], false);
}

#[test]
fn a_merge_has_two_parents() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    server.push_by_another("main", "theirs", "t\n");
    sandbox.good("pull", json!({"sandbox_id": "s1", "auto_rebase": false}));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), server.tip("main"));
}

#[test]
fn a_conflict_is_told_and_leaves_the_workspace_as_it_was() {
    let server = Server::with_repository(None);
    for rebase in [true, false] {
        let mut sandbox = server.cloned();
        sandbox.write("f", "mine\n");
        sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
        let before = sandbox.git(&["rev-parse", "HEAD"]);
        server.push_by_another("main", "f", &format!("theirs {rebase}\n"));
        let failure = sandbox.bad("pull", json!({"sandbox_id": "s1", "auto_rebase": rebase}));
        assert_eq!(failure.code.name, "merge-conflict");
        let output = failure.output.unwrap();
        let conflict = &output["conflicts"][0];
        assert_eq!((conflict["path"].as_str(), conflict["kind"].as_str()), (Some("f"), Some("UU")));
        assert_eq!(output["has_conflicts"], true);
        assert!(sandbox.facts.iter().any(|fact| matches!(fact, Fact::ConflictDetected(_))));
        assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), before);
        let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
        assert_eq!((status["clean"].as_bool(), status["detached"].as_bool()), (Some(true), Some(false)));
    }
}

#[test]
fn a_merge_that_is_kept_open_is_finished_by_writing_adding_and_committing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "mine\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    server.push_by_another("main", "f", "theirs\n");
    let keep = json!({"sandbox_id": "s1", "auto_rebase": false, "on_conflict": "keep"});
    assert_eq!(sandbox.bad("pull", keep).code.name, "merge-conflict");
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["in_progress"], "merge");
    assert_eq!(sandbox.bad("pull", json!({"sandbox_id": "s1"})).code.name, "unmerged-paths");
    assert_eq!(sandbox.bad("push", json!({"sandbox_id": "s1"})).code.name, "unmerged-paths");
    sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "f", "content": "both\n"}));
    sandbox.good("add", json!({"sandbox_id": "s1", "files": ["f"]}));
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "merged"}));
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), server.tip("main"));
}

#[test]
fn changes_that_are_not_committed_stop_a_pull_before_anything_moves() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    server.push_by_another("main", "new", "n\n");
    sandbox.write("f", "dirty\n");
    let before = server.requests().len();
    assert_eq!(sandbox.bad("pull", json!({"sandbox_id": "s1"})).code.name, "local-changes-overwritten");
    assert_eq!((sandbox.read("f").as_str(), server.requests().len()), ("dirty\n", before));
}

#[test]
fn a_pull_before_the_first_commit_starts_where_the_remote_is() {
    let server = Server::start(None);
    server.empty_repository("a/r.git");
    let mut sandbox = server.cloned();
    let desk = server.desk();
    std::fs::write(desk.path().join("f"), "1\n").unwrap();
    crate::sandbox::git(desk.path(), &["add", "."]);
    crate::sandbox::git(desk.path(), &["commit", "-qm", "first"]);
    crate::sandbox::git(desk.path(), &["push", "-q", "origin", "main"]);
    let output = sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!(output["head"], server.tip("main"));
    assert_eq!(sandbox.read("f"), "1\n");
}
