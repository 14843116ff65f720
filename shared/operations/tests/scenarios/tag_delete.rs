//! `tag-delete`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_tag_goes_and_what_it_was_is_told() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["tag", "-a", "-m", "m", "v1"]);
    let oid = sandbox.git(&["rev-parse", "v1"]);
    let mut input = json!({"sandbox_id": "s1", "name": "v1", "expected_oid": "0".repeat(40)});
    assert_eq!(sandbox.bad("tag-delete", input.clone()).code.name, "ref-moved");
    input["expected_oid"] = json!(oid);
    assert_eq!(sandbox.good("tag-delete", input.clone())["oid"], json!(oid));
    assert_eq!(sandbox.bad("tag-delete", input).code.name, "ref-not-found");
}
