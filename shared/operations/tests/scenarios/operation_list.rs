//! `operation-list`.

use serde_json::{Value, json};

use crate::server::Server;

#[test]
fn the_newest_come_first_filters_hold_and_pages_do_not_shift() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..8 {
        sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": format!("b{number}")}));
        let _ = sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "nowhere"}));
    }
    let failed = sandbox.good("operation-list", json!({"state": "failed"}));
    assert_eq!(failed["operations"].as_array().unwrap().len(), 8);
    assert!(failed["operations"].as_array().unwrap().iter().all(|one| one["operation"] == "switch"));

    let ask = |cursor: &Value| json!({"operation": "branch-create", "output": {"max_bytes": 1024, "cursor": cursor}});
    let mut page =
        sandbox.good("operation-list", json!({"operation": "branch-create", "output": {"max_bytes": 1024}}));
    let mut ids: Vec<Value> = Vec::new();
    let newest = page["operations"][0]["id"].clone();
    loop {
        ids.extend(page["operations"].as_array().unwrap().iter().map(|one| one["id"].clone()));
        // What comes while somebody turns the pages is not on them.
        sandbox.good("branch-create", json!({"sandbox_id": "s1", "name": format!("later{}", ids.len())}));
        if page["cursor"].is_null() {
            break;
        }
        page = sandbox.good("operation-list", ask(&page["cursor"]));
    }
    assert_eq!((ids.len(), &ids[0]), (8, &newest));
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 8);
}
