//! `show`.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_commit_is_shown_with_its_message_its_files_and_if_asked_its_lines() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("caf\u{e9} \"x\"", "new\n");
    sandbox.write("f", "1\n2\n");
    let commit = json!({"sandbox_id": "s1", "message": "subject\n\nbody", "all": true});
    let made = sandbox.good("commit", commit);
    let stat = sandbox.good("show", json!({"sandbox_id": "s1"}));
    assert_eq!(stat["commit"]["oid"], made["commit_hash"]);
    assert_eq!((&stat["commit"]["subject"], &stat["commit"]["body"]), (&json!("subject"), &json!("body")));
    assert_eq!(
        (&stat["files"][0]["path"], &stat["files"][1]["deletions"]),
        (&json!("caf\u{e9} \"x\""), &json!(1))
    );
    assert_eq!((&stat["diff"], &stat["files_total"]), (&json!(""), &json!(2)));
    let patch = sandbox.good("show", json!({"sandbox_id": "s1", "revision": "HEAD", "detail": "patch"}));
    let plain = sandbox.git(&["-c", "core.quotePath=false", "show", "--format=", "--full-index", "HEAD"]);
    assert_eq!(patch["diff"].as_str().unwrap().trim_end(), plain);
    let none = sandbox.good("show", json!({"sandbox_id": "s1", "revision": "origin/main", "detail": "none"}));
    assert_eq!((&none["commit"]["subject"], &none["files"]), (&json!("g"), &json!([])));
    assert_eq!(sandbox.plans.len(), 1);
    let failure = sandbox.bad("show", json!({"sandbox_id": "s1", "revision": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn a_merge_is_shown_against_its_first_parent_and_a_first_commit_against_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.git(&["switch", "-q", "-c", "side"]);
    sandbox.write("s", "s\n");
    sandbox.git(&["add", "s"]);
    sandbox.git(&["commit", "-qm", "side"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    sandbox.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = sandbox.good("show", json!({"sandbox_id": "s1"}));
    assert_eq!(merge["files"].as_array().unwrap().len(), 1);
    assert_eq!((&merge["files"][0]["path"], &merge["files"][0]["status"]), (&json!("s"), &json!("added")));
    sandbox.git(&["tag", "-am", "the first", "v0", "origin/main~1"]);
    let first = sandbox.good("show", json!({"sandbox_id": "s1", "revision": "v0"}));
    assert_eq!((&first["commit"]["parents"], &first["files"][0]["path"]), (&json!([]), &json!("f")));
}

#[test]
fn a_large_commit_comes_in_pages() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..30 {
        sandbox.write(&format!("file-{number:02}"), &format!("{number}\n").repeat(30));
    }
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "many", "all": true}));
    let mut input = json!({"sandbox_id": "s1", "detail": "patch", "output": {"max_bytes": 4096}});
    let (mut all, mut pages) = (String::new(), 0);
    loop {
        let page = sandbox.good("show", input.clone());
        assert!(page.to_string().len() <= 4096);
        all.push_str(page["diff"].as_str().unwrap());
        pages += 1;
        if page["cursor"].is_null() {
            break;
        }
        input["output"]["cursor"] = page["cursor"].clone();
    }
    assert!(pages > 2);
    assert_eq!(
        all.trim_end(),
        sandbox.git(&["-c", "core.quotePath=false", "show", "--format=", "--full-index", "HEAD"])
    );
}
