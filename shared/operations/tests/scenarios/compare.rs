//! `compare`.

use serde_json::json;

use crate::server::Server;

#[test]
fn what_each_side_has_of_its_own_is_counted_and_the_heads_files_are_told() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("mine", "m\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    let ahead = sandbox.good("compare", json!({"sandbox_id": "s1", "base": "origin/main"}));
    assert_eq!(
        (&ahead["ahead"], &ahead["behind"], &ahead["fast_forward"]),
        (&json!(1), &json!(0), &json!(true))
    );
    assert_eq!(ahead["merge_base"], json!(server.tip("main")));
    server.push_by_another("main", "theirs", "t\n");
    sandbox.good("fetch", json!({"sandbox_id": "s1"}));
    let apart = sandbox.good("compare", json!({"sandbox_id": "s1", "base": "origin/main"}));
    assert_eq!(
        (&apart["ahead"], &apart["behind"], &apart["fast_forward"]),
        (&json!(1), &json!(1), &json!(false))
    );
    assert_eq!(apart["files"][0]["path"], "mine");
    assert_eq!(
        (&apart["files_total"], apart["base"].as_str()),
        (&json!(1), Some(server.tip("main").as_str()))
    );
    assert_eq!(sandbox.plans.len(), 1, "one round trip");
    let failure = sandbox.bad("compare", json!({"sandbox_id": "s1", "base": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn histories_without_a_common_commit_are_compared_as_they_are() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["switch", "-q", "--orphan", "other"]);
    sandbox.write("o", "o\n");
    sandbox.git(&["add", "o"]);
    sandbox.git(&["commit", "-qm", "o"]);
    let output = sandbox.good("compare", json!({"sandbox_id": "s1", "base": "origin/main", "head": "other"}));
    assert_eq!((&output["merge_base"], &output["fast_forward"]), (&json!(null), &json!(false)));
    assert_eq!(
        (&output["ahead"], &output["behind"], &output["files_total"]),
        (&json!(1), &json!(2), &json!(3))
    );
}

#[test]
fn pages_stay_with_the_commits_of_the_first() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..50 {
        sandbox.write(&format!("file-{number:02}"), "x\n");
    }
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "many", "all": true}));
    let mut input = json!({"sandbox_id": "s1", "base": "origin/main", "output": {"max_bytes": 3000}});
    let mut files = 0;
    loop {
        let page = sandbox.good("compare", input.clone());
        files += page["files"].as_array().unwrap().len();
        assert!(page.to_string().len() <= 3000);
        assert_eq!(files + page["omitted"].as_array().map_or(0, Vec::len), 50);
        if page["cursor"].is_null() {
            break;
        }
        input["output"]["cursor"] = page["cursor"].clone();
        sandbox.good("commit", json!({"sandbox_id": "s1", "message": "moved", "allow_empty": true}));
    }
    assert_eq!(files, 50);
}
