//! `stash-drop`.

use serde_json::json;

use crate::server::Server;

#[test]
fn only_the_expected_one_is_thrown_away() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let oids: Vec<_> = ["one", "two"]
        .iter()
        .map(|text| {
            sandbox.write("f", text);
            sandbox.good("stash-push", json!({"sandbox_id": "s1"}))["oid"].clone()
        })
        .collect();
    let failure = sandbox.bad("stash-drop", json!({"sandbox_id": "s1", "oid": oids[0]}));
    assert_eq!((failure.code.name, failure.output), ("stash-moved", Some(json!({"oid": oids[1]}))));
    let output = sandbox.good("stash-drop", json!({"sandbox_id": "s1", "index": 1, "oid": oids[0]}));
    assert_eq!(output["oid"], oids[0]);
    sandbox.good("stash-drop", json!({"sandbox_id": "s1", "oid": oids[1]}));
    assert_eq!(sandbox.git(&["stash", "list"]), "");
    let failure = sandbox.bad("stash-drop", json!({"sandbox_id": "s1", "oid": oids[1]}));
    assert_eq!(failure.code.name, "stash-not-found");
}
