//! `stash-list`.

use serde_json::json;

use crate::server::Server;

#[test]
fn what_was_put_aside_is_listed_newest_first_and_changes_end_a_list_of_pages() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    assert_eq!(sandbox.good("stash-list", json!({"sandbox_id": "s1"}))["stashes"], json!([]));
    sandbox.write("f", "changed\n");
    sandbox.git(&["stash", "push", "-q", "-m", "caf\u{e9} one"]);
    sandbox.write("new", "n\n");
    sandbox.git(&["stash", "push", "-q", "-u", "-m", "two"]);
    let list = sandbox.good("stash-list", json!({"sandbox_id": "s1"}));
    let stashes = list["stashes"].as_array().unwrap();
    assert_eq!((&list["stashes_total"], &stashes[0]["untracked"]), (&json!(2), &json!(true)));
    assert!(stashes[0]["message"].as_str().unwrap().ends_with("two"));
    assert_eq!((&stashes[1]["index"], &stashes[1]["untracked"]), (&json!(1), &json!(false)));
    assert!(stashes[1]["message"].as_str().unwrap().ends_with("caf\u{e9} one"));
    assert_eq!(stashes[1]["oid"], json!(sandbox.git(&["rev-parse", "stash@{1}"])));
    assert_eq!(stashes[1]["base"], json!(sandbox.git(&["rev-parse", "HEAD"])));
    for number in 0..10 {
        sandbox.write("f", &format!("{number}\n"));
        sandbox.git(&["stash", "push", "-q"]);
    }
    let first = sandbox.good("stash-list", json!({"sandbox_id": "s1", "output": {"max_bytes": 1024}}));
    let next = json!({"sandbox_id": "s1", "output": {"max_bytes": 16384, "cursor": first["cursor"]}});
    let rest = sandbox.good("stash-list", next.clone());
    let count = |page: &serde_json::Value| page["stashes"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&rest), 12);
    sandbox.git(&["stash", "drop", "-q"]);
    assert_eq!(sandbox.bad("stash-list", next).code.name, "cursor-expired");
}
