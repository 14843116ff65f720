//! `file-read`.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

fn read(sandbox: &mut Sandbox, path: &str, more: Value) -> Value {
    let mut input = json!({"sandbox_id": "s1", "path": path});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sandbox.good("file-read", input)
}

#[test]
fn a_file_is_read_from_the_working_tree_and_from_a_commit() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "1\r\n\u{e9}\n3");
    let now = read(&mut sandbox, "f", json!({}));
    assert_eq!(
        (&now["content"], &now["size"], &now["mode"]),
        (&json!("1\r\n\u{e9}\n3"), &json!(7), &json!("100644"))
    );
    assert_eq!(now["oid"], json!(sandbox.git(&["hash-object", "f"])));
    let then = read(&mut sandbox, "f", json!({"revision": "origin/main"}));
    assert_eq!(
        (&then["content"], &then["oid"]),
        (&json!("1\n2\n3\n"), &json!(sandbox.git(&["rev-parse", "HEAD:f"])))
    );
    assert_eq!(sandbox.plans.len(), 1, "one round trip");
    assert_eq!(read(&mut sandbox, "f", json!({"revision": "HEAD", "lines": "2-3"}))["content"], "2\n3\n");
    assert_eq!(read(&mut sandbox, "f", json!({"lines": "2-"}))["content"], "\u{e9}\n3");
    assert_eq!(read(&mut sandbox, "f", json!({"lines": "7-9"}))["content"], "");
    assert_eq!(read(&mut sandbox, "f", json!({"bytes": "0-1"}))["content"], "1\r");
    let broken = read(&mut sandbox, "f", json!({"bytes": "4-"}));
    assert_eq!((&broken["content"], &broken["encoding"]), (&json!("qQoz"), &json!("base64")));
    assert_eq!(read(&mut sandbox, "f", json!({"encoding": "base64", "bytes": "0-0"}))["content"], "MQ==");
}

#[test]
fn the_sides_of_a_conflict_are_read_from_the_index() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "ours\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "ours", "all": true}));
    server.push_by_another("main", "f", "theirs\n");
    sandbox.bad("pull", json!({"sandbox_id": "s1", "auto_rebase": false, "on_conflict": "keep"}));
    let side = |stage: u8| json!({"stage": stage});
    assert_eq!(read(&mut sandbox, "f", side(1))["content"], "1\n2\n3\n");
    assert_eq!(read(&mut sandbox, "f", side(2))["content"], "ours\n");
    let theirs = read(&mut sandbox, "f", side(3));
    assert_eq!((&theirs["content"], &theirs["mode"]), (&json!("theirs\n"), &json!("100644")));
    assert_eq!(read(&mut sandbox, "g", side(0))["content"], "x\n");
    for (path, stage) in [("f", 0), ("g", 2), ("nope", 1)] {
        let failure = sandbox.bad("file-read", json!({"sandbox_id": "s1", "path": path, "stage": stage}));
        assert_eq!(failure.code.name, "path-not-found", "{path} {stage}");
    }
}

#[test]
fn a_long_file_comes_in_pages_that_joined_are_the_file() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let text: String = (0..2000).map(|line| line.to_string() + " \"\u{e9}\"\t\u{1F600}\n").collect();
    sandbox.write("f", &text);
    sandbox.git(&["add", "f"]);
    sandbox.git(&["commit", "-qm", "long"]);
    let long = "\u{e9}".repeat(4000);
    sandbox.write("g", &long);
    for (path, more, whole) in [("f", json!({"revision": "HEAD"}), &text), ("g", json!({}), &long)] {
        let mut input = json!({"sandbox_id": "s1", "path": path, "output": {"max_bytes": 3000}});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut all = String::new();
        loop {
            let page = sandbox.good("file-read", input.clone());
            assert!(page.to_string().len() <= 3000);
            assert_eq!((&page["encoding"], &page["mode"]), (&json!("utf-8"), &json!("100644")));
            all.push_str(page["content"].as_str().unwrap());
            if page["cursor"].is_null() {
                break;
            }
            if path == "f" {
                sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "allow_empty": true}));
            }
            input["output"]["cursor"] = page["cursor"].clone();
        }
        assert_eq!(&all, whole);
    }
    let first =
        sandbox.good("file-read", json!({"sandbox_id": "s1", "path": "g", "output": {"max_bytes": 1024}}));
    sandbox.write("g", "changed");
    let next =
        json!({"sandbox_id": "s1", "path": "g", "output": {"max_bytes": 1024, "cursor": first["cursor"]}});
    assert_eq!(sandbox.bad("file-read", next).code.name, "cursor-expired");
}

#[test]
fn nothing_outside_the_workspace_is_read() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    std::os::unix::fs::symlink("/etc", sandbox.dir().join("etc")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", sandbox.dir().join("link")).unwrap();
    let link = read(&mut sandbox, "link", json!({}));
    assert_eq!((&link["content"], &link["mode"]), (&json!("/etc/passwd"), &json!("120000")));
    sandbox.git(&["add", "link"]);
    assert_eq!(read(&mut sandbox, "link", json!({"stage": 0}))["content"], "/etc/passwd");
    std::fs::create_dir(sandbox.dir().join("d")).unwrap();
    std::fs::File::create(sandbox.dir().join("d/x")).unwrap();
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "d", "all": true}));
    for (path, revision, code) in [
        ("etc/passwd", None, "path-outside-repo"),
        ("nope", None, "path-not-found"),
        ("d", None, "path-not-a-file"),
        ("d", Some("HEAD"), "path-not-a-file"),
        ("nope", Some("HEAD"), "path-not-found"),
        ("f", Some("nope"), "ref-not-found"),
    ] {
        let failure =
            sandbox.bad("file-read", json!({"sandbox_id": "s1", "path": path, "revision": revision}));
        assert_eq!(failure.code.name, code, "{path} {revision:?} {failure:?}");
    }
    assert_eq!(read(&mut sandbox, "d/x", json!({"revision": "HEAD"}))["size"], 0);
}
