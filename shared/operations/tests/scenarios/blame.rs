//! `blame`.

use serde_json::{Value, json};

use crate::server::Server;

#[test]
fn every_line_has_its_commit_across_renames_and_before_it_is_committed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let first = sandbox.git(&["rev-parse", "HEAD~1"]);
    sandbox.git(&["mv", "f", "caf\u{e9} \"f\""]);
    sandbox.git(&["commit", "-qm", "moved"]);
    sandbox.write("caf\u{e9} \"f\"", "1\nsecond\n3\n");
    let made = sandbox.good("commit", json!({"sandbox_id": "s1", "message": "subject", "all": true}));
    sandbox.write("caf\u{e9} \"f\"", "1\nsecond\n3\nfourth\n");
    let blame = |more: Value| {
        let mut input = json!({"sandbox_id": "s1", "path": "caf\u{e9} \"f\""});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let output = sandbox.good("blame", blame(json!({})));
    let groups = output["groups"].as_array().unwrap();
    let commits: Vec<_> =
        groups.iter().map(|group| (&group["line"], &group["lines"], &group["commit"])).collect();
    let (one, two, three, four) = (json!(1), json!(2), json!(3), json!(4));
    let (old, new) = (json!(first), made["commit_hash"].clone());
    assert_eq!(
        commits,
        [(&one, &one, &old), (&two, &one, &new), (&three, &one, &old), (&four, &one, &Value::Null)]
    );
    assert_eq!((&groups[0]["orig_path"], &groups[1]["orig_path"]), (&json!("f"), &json!("caf\u{e9} \"f\"")));
    assert_eq!(
        (&groups[1]["author"], &groups[1]["authored_at"]),
        (&json!("a1"), &json!("2023-11-14T22:13:20Z"))
    );
    assert_eq!(groups[3]["author"], "");
    let some = sandbox.good("blame", blame(json!({"revision": "HEAD", "lines": ["2", "3-"]})));
    assert_eq!(some["groups_total"], 2);
    let failure = sandbox.bad("blame", blame(json!({"lines": ["9-10"]})));
    assert_eq!(failure.code.name, "lines-not-found");
}

#[test]
fn what_is_no_file_of_the_commit_has_its_own_code() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    std::fs::create_dir(sandbox.dir().join("d")).unwrap();
    sandbox.write("d/x", "x\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "d", "all": true}));
    sandbox.write("new", "n\n");
    for (path, revision, code) in [
        ("nope", Some("HEAD"), "path-not-found"),
        ("nope", None, "path-not-found"),
        ("new", None, "path-not-found"),
        ("d", Some("HEAD"), "path-not-a-file"),
        ("f", Some("nope"), "ref-not-found"),
    ] {
        let failure = sandbox.bad("blame", json!({"sandbox_id": "s1", "path": path, "revision": revision}));
        assert_eq!(failure.code.name, code, "{path} {revision:?} {failure:?}");
    }
}

#[test]
fn a_list_of_revisions_to_ignore_and_a_text_conversion_of_the_workspace_are_not_used() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let mark = sandbox.home.path().join("mark");
    let last = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("../list", &format!("{last}\n"));
    sandbox.git(&["config", "blame.ignoreRevsFile", "../list"]);
    sandbox.git(&["config", "diff.x.textconv", &format!("touch {};cat", mark.display())]);
    sandbox.write(".gitattributes", "* diff=x\n");
    sandbox.write("f", "1\nchanged\n3\n");
    let output = sandbox.good("blame", json!({"sandbox_id": "s1", "path": "f"}));
    let g = sandbox.good("blame", json!({"sandbox_id": "s1", "path": "g", "revision": "HEAD"}));
    assert_eq!(g["groups"][0]["commit"], json!(last));
    assert_eq!(output["groups_total"], 3);
    sandbox.good("grep", json!({"sandbox_id": "s1", "pattern": "changed"}));
    sandbox.good("show", json!({"sandbox_id": "s1", "detail": "patch"}));
    sandbox.good("diff", json!({"sandbox_id": "s1"}));
    assert!(!mark.exists());
}
