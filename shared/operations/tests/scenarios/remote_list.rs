//! `remote-list`.

use serde_json::json;

use crate::server::Server;

#[test]
fn the_ledgers_remote_is_marked_and_no_secret_is_shown() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["config", "remote.up.url", "https://user:p@ss/w:rd#1@github.com/a/b.git"]);
    sandbox.git(&["config", "remote.up.pushurl", "https://ghs_token@github.com/a/b.git"]);
    let list = sandbox.good("remote-list", json!({"sandbox_id": "s1"}));
    assert_eq!((&list["repo_url"], &list["remotes_total"]), (&json!(server.repo_url()), &json!(2)));
    assert_eq!(
        list["remotes"][0],
        json!({"name": "origin", "url": server.repo_url(), "redacted": false, "ledger": true})
    );
    assert_eq!(
        list["remotes"][1],
        json!({
            "name": "up",
            "url": "https://github.com/a/b.git",
            "push_url": "https://github.com/a/b.git",
            "redacted": true,
            "ledger": false,
        })
    );
}

#[test]
fn a_workspace_whose_configuration_has_none_still_has_the_ledgers() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["remote", "remove", "origin"]);
    let list = sandbox.good("remote-list", json!({"sandbox_id": "s1"}));
    assert_eq!((&list["remotes"], &list["repo_url"]), (&json!([]), &json!(server.repo_url())));
}
