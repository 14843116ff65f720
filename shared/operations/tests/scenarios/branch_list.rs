//! `branch-list`.

use serde_json::{Value, json};

use crate::server::Server;

#[test]
fn all_pages_together_are_all_branches_and_what_is_left_out_is_named() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    (0..60).for_each(|number| drop(sandbox.git(&["branch", &format!("topic/{number:02}")])));
    let mut input = json!({"sandbox_id": "s1", "limit": 1000, "output": {"max_bytes": 3000}});
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = sandbox.good("branch-list", input.clone());
        assert!(page.to_string().len() <= 3000);
        let branches = page["branches"].as_array().unwrap();
        names.extend(branches.iter().map(|branch| branch["name"].as_str().unwrap().to_owned()));
        let omitted = page["omitted"].as_array().map_or(0, Vec::len);
        assert_eq!(names.len() + omitted, 61, "{page}");
        if page["cursor"].is_null() {
            break;
        }
        input["output"] = json!({"max_bytes": 3000, "cursor": page["cursor"]});
    }
    names.sort_unstable();
    assert_eq!((names.len(), names[0].as_str(), names[60].as_str()), (61, "agent-a1-t1", "topic/59"));
    let few = sandbox.good("branch-list", json!({"sandbox_id": "s1", "limit": 2}));
    assert_eq!((few["branches"].as_array().map(Vec::len), &few["truncated"]), (Some(2), &json!(true)));
    // A branch that comes or goes would shift the pages.
    sandbox.git(&["branch", "new"]);
    let next = json!({"sandbox_id": "s1", "limit": 2, "output": {"cursor": few["cursor"]}});
    assert_eq!(sandbox.bad("branch-list", next).code.name, "cursor-expired");
}

#[test]
fn the_current_branch_and_the_remotes_are_told() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let own = sandbox.good("branch-list", json!({"sandbox_id": "s1"}));
    assert_eq!(
        (&own["branches"][0]["name"], &own["branches"][0]["current"]),
        (&json!("agent-a1-t1"), &json!(true))
    );
    assert_eq!(own["cursor"], Value::Null);
    let remote = sandbox.good("branch-list", json!({"sandbox_id": "s1", "remote": true}));
    assert_eq!(remote["branches"][0]["oid"], json!(server.tip("main")));
}
