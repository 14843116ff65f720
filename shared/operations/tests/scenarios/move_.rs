//! `move`.

use serde_json::json;

use crate::server::Server;

fn input(from: &str, to: &str, force: bool) -> serde_json::Value {
    json!({"sandbox_id": "s1", "from": from, "to": to, "force": force})
}

#[test]
fn a_file_gets_another_name_in_a_folder_that_is_made() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let mut asked = input("f", "a/b/f", false);
    asked["dry_run"] = json!(true);
    assert_eq!(sandbox.good("move", asked)["dry_run"], true);
    assert!(!sandbox.dir().join("a").exists());
    let output = sandbox.good("move", input("f", "a/b/f", false));
    assert_eq!((output["files"].as_u64(), output["to"].as_str()), (Some(1), Some("a/b/f")));
    assert_eq!(sandbox.git(&["status", "--short"]), "R  f -> a/b/f");
    sandbox.good("move", input("a", "c", false));
    assert_eq!(sandbox.read("c/b/f"), "1\n2\n3\n");
}

#[test]
fn another_file_is_replaced_only_if_forced_and_then_kept() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("g", "precious\n");
    assert_eq!(sandbox.bad("move", input("f", "g", false)).code.name, "path-exists");
    std::fs::create_dir(sandbox.dir().join("d")).unwrap();
    assert_eq!(sandbox.bad("move", input("f", "d", true)).code.name, "path-exists");
    assert_eq!(sandbox.bad("move", input("nope", "x", false)).code.name, "path-not-found");
    sandbox.write("unknown", "u\n");
    assert_eq!(sandbox.bad("move", input("unknown", "x", false)).code.name, "path-not-found");
    assert_eq!(sandbox.bad("move", input("f", "g/x", false)).code.name, "path-not-found");
    sandbox.good("move", input("f", "g", true));
    assert_eq!(crate::reset::kept(&sandbox, "g"), "precious");
}

#[test]
fn nothing_is_moved_out_of_the_workspace_or_into_it_through_a_symbolic_link() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.good("file-write", json!({"sandbox_id": "s1", "path": "d/a", "content": "x\n"}));
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let outside = tempfile::tempdir().unwrap();
    std::fs::rename(sandbox.dir().join("d/a"), outside.path().join("a")).unwrap();
    std::fs::remove_dir(sandbox.dir().join("d")).unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.dir().join("d")).unwrap();
    for (from, to) in [("f", "d/f"), ("d/a", "a"), ("f", "d/deep/er/f")] {
        assert_eq!(sandbox.bad("move", input(from, to, true)).code.name, "path-outside-repo", "{from} {to}");
    }
    let left = std::fs::read_dir(outside.path()).unwrap().count();
    assert_eq!((left, outside.path().join("a").exists()), (1, true));
}
