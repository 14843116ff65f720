//! `commit`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_commit_tells_what_it_is_and_an_empty_one_is_refused() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    let input = json!({"sandbox_id": "s1", "message": "Change f\n\nbody", "all": true});
    let output = sandbox.good("commit", input.clone());
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!(output["commit_hash"], sandbox.git(&["rev-parse", "HEAD"]));
    assert_eq!(
        (output["parent"].clone(), output["files_changed"].as_u64()),
        (json!(server.tip("main")), Some(1))
    );
    assert_eq!(sandbox.git(&["log", "-1", "--format=%B"]), "Change f\n\nbody");
    assert_eq!(sandbox.bad("commit", input).code.name, "nothing-to-commit");
}

#[test]
fn conflicts_are_committed_only_when_they_are_resolved_and_staged() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    crate::reset::conflict(&mut sandbox, &server);
    let input = json!({"sandbox_id": "s1", "message": "merged"});
    assert_eq!(sandbox.bad("commit", input.clone()).code.name, "unmerged-paths");
    sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "f", "content": "both\n"}));
    sandbox.good("add", json!({"sandbox_id": "s1", "files": ["f"]}));
    sandbox.good("commit", input);
    assert_eq!(sandbox.git(&["rev-parse", "HEAD^2"]), server.tip("main"));
}
