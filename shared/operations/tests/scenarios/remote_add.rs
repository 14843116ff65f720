//! `remote-add`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_name_is_added_once_and_the_same_again_changes_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let input =
        json!({"sandbox_id": "s1", "name": "upstream", "url": "https://github.com/octocat/hello-world"});
    assert_eq!(sandbox.good("remote-add", input.clone())["changed"], true);
    assert_eq!(sandbox.git(&["remote", "get-url", "upstream"]), "https://github.com/octocat/hello-world");
    assert_eq!(sandbox.good("remote-add", input)["changed"], false);
    // What the agent's own program put there is not shown.
    sandbox.git(&["remote", "set-url", "upstream", "https://u:t0ken@github.com/octocat/hello-world"]);
    let other = json!({"sandbox_id": "s1", "name": "upstream", "url": "https://github.com/octocat/other"});
    let failure = sandbox.bad("remote-add", other);
    assert_eq!(failure.code.name, "remote-exists");
    assert!(!format!("{failure:?}").contains("t0ken"));
}
