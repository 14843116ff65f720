//! `clone`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_clone_starts_the_agents_branch_and_leaves_no_credential() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.sandbox();
    let input = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1"});
    let output = sandbox.good("clone", input.clone());
    assert_eq!(
        (output["agent_branch"].as_str(), output["base_branch"].as_str()),
        (Some("agent-a1-t1"), Some("main"))
    );
    assert_eq!((output["head"].clone(), sandbox.read("f")), (json!(server.tip("main")), "1\n2\n3\n".into()));
    assert!(!sandbox.read(".git/config").contains("s3cret"));
    sandbox.token = Some("wrong".to_owned());
    assert_eq!(sandbox.bad("clone", input).code.name, "auth-failed");
}

#[test]
fn a_workspace_that_is_there_is_brought_up_to_date_and_reset() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "left behind\n");
    sandbox.write("unknown", "left behind\n");
    server.push_by_another("main", "new", "n\n");
    sandbox.good("clone", json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t2"}));
    assert_eq!(sandbox.git(&["status", "--short"]), "");
    assert_eq!(sandbox.git(&["branch", "--show-current"]), "agent-a1-t2");
    assert_eq!((sandbox.read("f"), sandbox.read("new")), ("1\n2\n3\n".into(), "n\n".into()));
    let missing = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t3", "branch": "nope"});
    assert_eq!(sandbox.bad("clone", missing).code.name, "ref-not-found");
}
