//! `init`.

use serde_json::json;

use crate::server::Server;

#[test]
fn an_empty_repository_gets_its_first_commit_and_its_first_push() {
    let server = Server::start(Some("s3cret"));
    server.empty_repository("a/r.git");
    let mut sandbox = server.sandbox();
    let input = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1"});
    let output = sandbox.good("init", input);
    assert_eq!((output["branch"].as_str(), output["sandbox_id"].as_str()), (Some("main"), Some("s1")));
    assert_eq!(output["workspace_path"], sandbox.dir().canonicalize().unwrap().to_str().unwrap());
    assert!(server.requests().is_empty(), "the remote is not asked");
    assert_eq!(sandbox.git(&["remote", "get-url", "origin"]), server.repo_url());
    sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "f", "content": "first\n"}));
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "first", "all": true}));
    sandbox.good("push", json!({"sandbox_id": "s1"}));
    assert_eq!(server.tip("main"), sandbox.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_workspace_with_files_or_commits_is_never_emptied() {
    let server = Server::with_repository(None);
    let input = |branch: &str| json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "initial_branch": branch});
    let mut sandbox = server.cloned();
    let failure = sandbox.bad("init", input("main"));
    assert_eq!(failure.code.name, "destination-not-empty");
    assert_eq!(failure.output, Some(json!({"sandbox_id": "s1"})));
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
    let mut sandbox = server.sandbox();
    sandbox.good("init", input("trunk"));
    assert_eq!(sandbox.git(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    // Nothing is lost by doing it again.
    sandbox.good("init", input("main"));
    assert_eq!(sandbox.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    sandbox.write("f", "precious\n");
    assert_eq!(sandbox.bad("init", input("main")).code.name, "destination-not-empty");
    assert_eq!(sandbox.read("f"), "precious\n");
}
