//! `restore`.

use serde_json::json;

use crate::reset::kept;
use crate::server::Server;

#[test]
fn a_file_is_put_back_and_a_snapshot_keeps_what_it_was() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write("g", "staged\n");
    sandbox.git(&["add", "g"]);
    sandbox.write("g", "changed again\n");
    sandbox.write("unknown", "u\n");
    let all = json!({"sandbox_id": "s1", "files": ["."]});
    let mut asked = all.clone();
    asked["dry_run"] = json!(true);
    let would = sandbox.good("restore", asked);
    assert_eq!((would["paths"].clone(), would["dry_run"].as_bool()), (json!(["f", "g"]), Some(true)));
    assert_eq!(sandbox.read("f"), "changed\n");
    let output = sandbox.good("restore", all.clone());
    assert_eq!((output["paths"].clone(), output["source"].clone()), (json!(["f", "g"]), json!(null)));
    assert_eq!(
        (sandbox.read("f"), sandbox.read("g"), sandbox.read("unknown")),
        ("1\n2\n3\n".into(), "staged\n".into(), "u\n".into())
    );
    assert_eq!(kept(&sandbox, "f"), "changed");
    assert_eq!(kept(&sandbox, "unknown"), "u");
    assert_eq!(sandbox.plans.len(), 1, "one round trip, the snapshot included");
    assert_eq!(sandbox.good("restore", all)["changed"], false);
}

#[test]
fn both_what_is_staged_and_the_file_come_from_a_commit() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "new\n");
    sandbox.write("added", "a\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let old = server.tip("main");
    let input = json!({"sandbox_id": "s1", "files": ["."], "source": old, "staged": true});
    let output = sandbox.good("restore", input);
    assert_eq!((output["paths"].clone(), output["source"].clone()), (json!(["added", "f"]), json!(old)));
    assert_eq!(sandbox.git(&["status", "--short"]), "D  added\nM  f");
    let staged = json!({"sandbox_id": "s1", "files": ["f"], "staged": true, "worktree": false});
    sandbox.good("restore", staged);
    assert_eq!(sandbox.git(&["diff", "--cached", "--name-only"]), "added");
}

#[test]
fn what_is_not_there_is_told_and_a_conflict_is_not_forgotten() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let bad = |more: serde_json::Value| {
        let mut input = json!({"sandbox_id": "s1", "files": ["f"]});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert_eq!(sandbox.bad("restore", bad(json!({"files": ["nope"]}))).code.name, "path-not-found");
    assert_eq!(sandbox.bad("restore", bad(json!({"source": "nope"}))).code.name, "ref-not-found");
    crate::reset::conflict(&mut sandbox, &server);
    for more in [json!({}), json!({"staged": true}), json!({"source": "HEAD"})] {
        assert_eq!(sandbox.bad("restore", bad(more)).code.name, "unmerged-paths");
    }
}

#[test]
fn a_folder_that_became_a_symbolic_link_is_a_folder_again_and_nothing_behind_it_changes() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "d/a", "content": "inside\n"}));
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a"), "outside\n").unwrap();
    std::fs::remove_dir_all(sandbox.dir().join("d")).unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.dir().join("d")).unwrap();
    let _ = sandbox.ask("restore", json!({"sandbox_id": "s1", "files": ["."], "staged": true}));
    assert_eq!(std::fs::read_to_string(outside.path().join("a")).unwrap(), "outside\n");
}
