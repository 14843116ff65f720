//! `stash-pop`.

use gitledger_events::Fact;
use gitledger_events::operation::SideEffect;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::server::Server;

fn push(sandbox: &mut Sandbox) -> String {
    let input = json!({"sandbox_id": "s1", "include_untracked": true});
    sandbox.good("stash-push", input)["oid"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_put_aside_comes_back_as_it_was() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.write("g", "staged\n");
    sandbox.git(&["add", "g"]);
    sandbox.write("unknown", "u\n");
    let before = sandbox.git(&["status", "--short"]);
    let oid = push(&mut sandbox);
    let keep = json!({"sandbox_id": "s1", "keep": true, "restore_index": true});
    let output = sandbox.good("stash-pop", keep);
    assert_eq!((output["oid"].clone(), output["kept"].as_bool()), (json!(oid), Some(true)));
    assert_eq!(sandbox.git(&["status", "--short"]), before);
    sandbox.git(&["reset", "-q", "--hard"]);
    std::fs::remove_file(sandbox.dir().join("unknown")).unwrap();
    let output = sandbox.good("stash-pop", json!({"sandbox_id": "s1", "oid": oid, "index": 0}));
    assert_eq!(output["kept"], false);
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!((sandbox.read("g"), sandbox.read("unknown")), ("staged\n".into(), "u\n".into()));
    assert_eq!(sandbox.git(&["stash", "list"]), "");
}

#[test]
fn the_one_that_is_meant_is_taken_and_no_other() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let failure = sandbox.bad("stash-pop", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.code.name, "stash-not-found");
    sandbox.write("f", "older\n");
    let older = push(&mut sandbox);
    sandbox.write("g", "newer\n");
    let newer = push(&mut sandbox);
    let failure = sandbox.bad("stash-pop", json!({"sandbox_id": "s1", "oid": older}));
    assert_eq!((failure.code.name, failure.output), ("stash-moved", Some(json!({"oid": newer}))));
    assert_eq!(
        sandbox.bad("stash-pop", json!({"sandbox_id": "s1", "index": 2})).code.name,
        "stash-not-found"
    );
    sandbox.good("stash-pop", json!({"sandbox_id": "s1", "oid": older, "index": 1}));
    assert_eq!((sandbox.read("f"), sandbox.read("g")), ("older\n".into(), "x\n".into()));
    assert_eq!(sandbox.git(&["rev-parse", "refs/stash"]), newer);
}

#[test]
fn conflicts_are_told_and_marked_and_the_stash_is_kept() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "put aside\n");
    let oid = push(&mut sandbox);
    sandbox.write("f", "committed\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let failure = sandbox.bad("stash-pop", json!({"sandbox_id": "s1"}));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    let output = failure.output.unwrap();
    let conflict = &output["conflicts"][0];
    assert_eq!((&conflict["path"], &conflict["kind"]), (&json!("f"), &json!("UU")));
    assert_eq!((output["kept"].as_bool(), output["oid"].clone()), (Some(true), json!(oid)));
    assert!(sandbox.facts.iter().any(|fact| matches!(fact, Fact::ConflictDetected(_))));
    assert!(sandbox.read("f").contains("<<<<<<<"));
    assert_eq!(sandbox.git(&["rev-parse", "refs/stash"]), oid);
    assert_eq!(crate::reset::kept(&sandbox, "f"), "committed");
    assert_eq!(sandbox.bad("stash-pop", json!({"sandbox_id": "s1"})).code.name, "unmerged-paths");
}

#[test]
fn nothing_comes_back_by_half_where_a_file_is_in_the_way() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "put aside\n");
    sandbox.write("unknown", "put aside\n");
    let oid = push(&mut sandbox);
    sandbox.write("unknown", "in the way\n");
    let failure = sandbox.bad("stash-pop", json!({"sandbox_id": "s1"}));
    assert_eq!((failure.code.name, failure.side_effect), ("untracked-overwritten", SideEffect::None));
    assert_eq!((sandbox.read("f"), sandbox.read("unknown")), ("1\n2\n3\n".into(), "in the way\n".into()));
    std::fs::remove_file(sandbox.dir().join("unknown")).unwrap();
    sandbox.write("f", "in the way\n");
    let failure = sandbox.bad("stash-pop", json!({"sandbox_id": "s1"}));
    assert_eq!((failure.code.name, failure.side_effect), ("local-changes-overwritten", SideEffect::None));
    assert!(!sandbox.dir().join("unknown").exists());
    assert_eq!(sandbox.git(&["rev-parse", "refs/stash"]), oid);
}
