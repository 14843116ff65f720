//! `tag-list`.

use serde_json::json;

use crate::server::Server;

#[test]
fn annotated_and_plain_tags_are_told_apart_and_chosen_by_a_pattern() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    assert_eq!(sandbox.good("tag-list", json!({"sandbox_id": "s1"}))["tags"], json!([]));
    sandbox.git(&["tag", "v1.0", "HEAD~1"]);
    sandbox.git(&["tag", "-am", "the second\n\nbody", "v1.1"]);
    sandbox.git(&["tag", "caf\u{e9}/x"]);
    let list = sandbox.good("tag-list", json!({"sandbox_id": "s1", "pattern": "v1.*"}));
    let tags = list["tags"].as_array().unwrap();
    assert_eq!(list["tags_total"], 2);
    let annotated = tags.iter().find(|tag| tag["name"] == "v1.1").unwrap();
    assert_eq!((&annotated["annotated"], &annotated["subject"]), (&json!(true), &json!("the second")));
    assert_eq!(annotated["target"], json!(sandbox.git(&["rev-parse", "HEAD"])));
    assert_eq!(annotated["oid"], json!(sandbox.git(&["rev-parse", "v1.1"])));
    let plain = tags.iter().find(|tag| tag["name"] == "v1.0").unwrap();
    assert_eq!((&plain["annotated"], &plain["target"]), (&json!(false), &plain["oid"]));
    assert!(plain["created_at"].as_str().unwrap().contains('T'));
    let all = sandbox.good("tag-list", json!({"sandbox_id": "s1"}));
    assert!(all["tags"].as_array().unwrap().iter().any(|tag| tag["name"] == "caf\u{e9}/x"));
}

#[test]
fn a_page_of_tags_that_changed_is_refused() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    (0..40).for_each(|number| drop(sandbox.git(&["tag", &format!("v{number}")])));
    let first = sandbox.good("tag-list", json!({"sandbox_id": "s1", "output": {"max_bytes": 2048}}));
    let shown = first["tags"].as_array().unwrap().len();
    assert_eq!(shown + first["omitted"].as_array().unwrap().len(), 40);
    let next = json!({"sandbox_id": "s1", "output": {"max_bytes": 30000, "cursor": first["cursor"]}});
    let rest = sandbox.good("tag-list", next.clone());
    assert_eq!(shown + rest["tags"].as_array().unwrap().len(), 40);
    sandbox.git(&["tag", "new"]);
    assert_eq!(sandbox.bad("tag-list", next).code.name, "cursor-expired");
}
