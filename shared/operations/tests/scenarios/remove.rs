//! `remove`.

use serde_json::json;

use crate::reset::kept;
use crate::server::Server;

#[test]
fn files_are_removed_and_the_removal_is_staged() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let would = sandbox.good("remove", json!({"sandbox_id": "s1", "files": ["f"], "dry_run": true}));
    assert_eq!((would["paths"].clone(), would["dry_run"].as_bool()), (json!(["f"]), Some(true)));
    assert_eq!(sandbox.git(&["status", "--short"]), "");
    let output = sandbox.good("remove", json!({"sandbox_id": "s1", "files": ["f"]}));
    assert_eq!(output["paths"], json!(["f"]));
    assert_eq!(sandbox.plans.len(), 1);
    sandbox.good("remove", json!({"sandbox_id": "s1", "files": ["g"], "cached": true}));
    assert_eq!(sandbox.git(&["status", "--short"]), "D  f\nD  g\n?? g");
}

#[test]
fn what_is_not_committed_is_refused_unless_forced_and_then_kept() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let input = |force: bool| json!({"sandbox_id": "s1", "files": ["f", "g"], "force": force});
    sandbox.write("f", "changed\n");
    assert_eq!(sandbox.bad("remove", input(false)).code.name, "local-changes-overwritten");
    sandbox.git(&["add", "f"]);
    assert_eq!(sandbox.bad("remove", input(false)).code.name, "local-changes-overwritten");
    sandbox.write("f", "changed again\n");
    assert_eq!(sandbox.bad("remove", input(false)).code.name, "local-changes-overwritten");
    assert!(sandbox.dir().join("g").exists(), "all or nothing");
    sandbox.good("remove", input(true));
    assert_eq!(kept(&sandbox, "f"), "changed again");
    for (files, code) in [("nope", "path-not-found"), ("d", "path-not-a-file")] {
        sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "d/a", "content": ""}));
        sandbox.good("add", json!({"sandbox_id": "s1", "files": ["d"]}));
        assert_eq!(sandbox.bad("remove", json!({"sandbox_id": "s1", "files": [files]})).code.name, code);
    }
}

#[test]
fn nothing_behind_a_symbolic_link_is_removed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for path in ["d/a", "d/e/b"] {
        sandbox.good("file-write", json!({"sandbox_id": "s1", "path": path, "content": "x\n"}));
    }
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let outside = tempfile::tempdir().unwrap();
    // Moved away, so that to git's `rm` the files look untouched through the link.
    std::fs::rename(sandbox.dir().join("d/e"), outside.path().join("e")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("e"), sandbox.dir().join("d/e")).unwrap();
    for (path, force) in [("d", false), ("d", true), ("d/e/b", true)] {
        let input = json!({"sandbox_id": "s1", "files": [path], "recursive": true, "force": force});
        assert_eq!(sandbox.bad("remove", input).code.name, "path-outside-repo");
    }
    assert!(outside.path().join("e/b").exists());
    // Gone files are no obstacle.
    std::fs::remove_dir_all(sandbox.dir().join("d")).unwrap_or_default();
    let input = json!({"sandbox_id": "s1", "files": ["d"], "recursive": true});
    assert_eq!(sandbox.good("remove", input)["paths"], json!(["d/a", "d/e/b"]));
    assert!(outside.path().join("e/b").exists());
}
