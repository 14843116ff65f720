//! `status`.

use serde_json::json;

use crate::server::Server;

#[test]
fn every_kind_of_change_has_its_own_list() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.git(&["mv", "g", "h i"]);
    sandbox.write("caf\u{e9}.txt", "n");
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["modified"], json!(["f"]));
    assert_eq!(status["renamed"], json!([{"path": "h i", "orig_path": "g"}]));
    assert_eq!(status["untracked"], json!(["caf\u{e9}.txt"]));
    assert_eq!((sandbox.plans.len(), sandbox.plans[0].steps.len()), (1, 1), "one process, one round trip");
}

#[test]
fn a_head_that_moved_is_told_and_nothing_is_looked_at() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.good("status", json!({"sandbox_id": "s1", "expected_head": head}));
    let failure = sandbox.bad("status", json!({"sandbox_id": "s1", "expected_head": "0".repeat(40)}));
    assert_eq!(failure.code.name, "head-moved");
    assert_eq!(failure.output.unwrap()["head"], json!(head));
}

#[test]
fn of_many_files_a_page_is_listed_and_all_are_counted() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..200 {
        sandbox.write(&format!("new-{number:03}"), "n");
    }
    sandbox.write("f", "changed\n");
    let mut input = json!({"sandbox_id": "s1", "output": {"max_bytes": 8192}});
    let mut untracked = 0;
    loop {
        let page = sandbox.good("status", input.clone());
        assert!(page.to_string().len() <= 8192, "{}", page.to_string().len());
        assert_eq!((&page["counts"]["entries"], &page["counts"]["untracked"]), (&json!(201), &json!(200)));
        assert_eq!((&page["counts"]["modified"], &page["clean"]), (&json!(1), &json!(false)));
        untracked += page["untracked"].as_array().unwrap().len();
        if page["cursor"].is_null() {
            break;
        }
        input["output"]["cursor"] = page["cursor"].clone();
    }
    assert_eq!(untracked, 200);
    sandbox.write("g", "changed\n");
    assert_eq!(sandbox.bad("status", input).code.name, "cursor-expired");
}
