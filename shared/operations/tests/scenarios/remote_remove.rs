//! `remote-remove`.

use gitledger_operations::{Remotes, table};
use serde_json::json;

use crate::server::Server;

#[test]
fn a_name_is_taken_away_with_what_was_fetched_under_it() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["remote", "add", "upstream", "https://u:p@github.com/octocat/hello-world"]);
    sandbox.git(&["update-ref", "refs/remotes/upstream/main", "HEAD"]);
    let input = json!({"sandbox_id": "s1", "name": "upstream"});
    sandbox.good("remote-remove", input.clone());
    assert_eq!(sandbox.git(&["remote"]), "origin");
    assert_eq!(sandbox.git(&["for-each-ref", "refs/remotes/upstream"]), "");
    assert_eq!(sandbox.bad("remote-remove", input).code.name, "remote-not-found");
}

#[test]
fn the_workspaces_own_remote_stays() {
    for name in ["origin", "Origin", "-x", "a b", "../x"] {
        let input = json!({"sandbox_id": "s1", "name": name});
        let refused = table::find("remote-remove").unwrap().ask(input, &Remotes::default());
        assert_eq!(refused.err().unwrap().field, "name", "{name}");
    }
}
