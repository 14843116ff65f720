//! `tag-create`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_tag_is_a_name_and_with_a_message_an_object_of_its_own() {
    let mut sandbox = Server::with_repository(None).cloned();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    let output = sandbox.good("tag-create", json!({"sandbox_id": "s1", "name": "light"}));
    assert_eq!((&output["oid"], output["annotated"].as_bool()), (&json!(head), Some(false)));
    let input = json!({"sandbox_id": "s1", "name": "v1/x", "target": "origin/main", "message": "#1 first\n"});
    let output = sandbox.good("tag-create", input);
    assert_eq!((&output["target"], output["annotated"].as_bool()), (&json!(head), Some(true)));
    assert_eq!(sandbox.git(&["cat-file", "-t", output["oid"].as_str().unwrap()]), "tag");
    assert_eq!(sandbox.git(&["tag", "-l", "--format=%(contents)%(taggername)", "v1/x"]), "#1 first\na1");
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn a_tag_is_never_moved_and_names_what_there_is() {
    let mut sandbox = Server::with_repository(None).cloned();
    sandbox.git(&["tag", "v1", "HEAD~1"]);
    let tag = |name: &str, target: &str| json!({"sandbox_id": "s1", "name": name, "target": target});
    assert_eq!(sandbox.bad("tag-create", tag("v1", "HEAD")).code.name, "tag-exists");
    assert_eq!(sandbox.bad("tag-create", tag("v1/x", "HEAD")).code.name, "ref-name-conflict");
    assert_eq!(sandbox.bad("tag-create", tag("v2", "no-such")).code.name, "ref-not-found");
}
