//! `clean`.

use serde_json::json;

use crate::reset::kept;
use crate::server::Server;

fn workspace(server: &Server) -> crate::sandbox::Sandbox {
    let mut sandbox = server.cloned();
    for (path, text) in [
        (".gitignore", "*.log\nbuild\n"),
        ("new\nline", "u\n"),
        ("f.log", "l\n"),
        ("dir/a", "a\n"),
        ("dir/b.log", "b\n"),
        ("build/c", "c\n"),
    ] {
        if path.contains('\n') {
            sandbox.write(path, text);
        } else {
            sandbox.good("file-write", json!({"sandbox_id": "s1", "path": path, "content": text}));
        }
    }
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "files": [".gitignore"]}));
    std::fs::create_dir(sandbox.dir().join("inner")).unwrap();
    crate::sandbox::git(&sandbox.dir().join("inner"), &["init", "-q"]);
    std::fs::write(sandbox.dir().join("inner/file"), "i\n").unwrap();
    sandbox
}

/// Every choice: what is listed without force is exactly what is removed with it.
#[test]
fn nothing_is_removed_without_force_and_then_exactly_what_was_listed() {
    for (more, expected) in [
        (json!({}), json!(["new\nline"])),
        (json!({"directories": true}), json!(["dir/a", "new\nline"])),
        (json!({"files": ["dir"]}), json!(["dir/a"])),
        (json!({"ignored": "also"}), json!(["f.log", "new\nline"])),
        (json!({"ignored": "only"}), json!(["f.log"])),
        (
            json!({"ignored": "also", "directories": true}),
            json!(["build/c", "dir/a", "dir/b.log", "f.log", "new\nline"]),
        ),
        (json!({"ignored": "only", "directories": true}), json!(["build/c", "dir/b.log", "f.log"])),
    ] {
        let server = Server::with_repository(None);
        let mut sandbox = workspace(&server);
        let mut input = more.clone();
        input["sandbox_id"] = json!("s1");
        for dry in [json!({}), json!({"force": true, "dry_run": true})] {
            let mut input = input.clone();
            input.as_object_mut().unwrap().extend(dry.as_object().unwrap().clone());
            let listed = sandbox.good("clean", input);
            assert_eq!((&listed["paths"], listed["dry_run"].as_bool()), (&expected, Some(true)), "{more}");
        }
        for path in expected.as_array().unwrap() {
            assert!(sandbox.dir().join(path.as_str().unwrap()).exists());
        }
        input["force"] = json!(true);
        let output = sandbox.good("clean", input);
        assert_eq!((&output["paths"], output["changed"].as_bool()), (&expected, Some(true)), "{more}");
        for path in expected.as_array().unwrap() {
            assert!(!sandbox.dir().join(path.as_str().unwrap()).exists());
        }
        assert!(sandbox.dir().join("inner/file").exists(), "a repository inside is never removed");
        assert_eq!(sandbox.git(&["status", "--short", "--untracked-files=no"]), "");
    }
}

#[test]
fn a_snapshot_keeps_what_was_removed() {
    let server = Server::with_repository(None);
    let mut sandbox = workspace(&server);
    sandbox.good("clean", json!({"sandbox_id": "s1", "force": true, "directories": true}));
    assert_eq!((kept(&sandbox, "new\nline"), kept(&sandbox, "dir/a")), ("u".into(), "a".into()));
    let again = sandbox.good("clean", json!({"sandbox_id": "s1", "force": true, "directories": true}));
    assert_eq!((again["total"].as_u64(), again["changed"].as_bool()), (Some(0), Some(false)));
}

#[test]
fn nothing_behind_a_symbolic_link_is_removed() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a"), "outside\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.dir().join("link")).unwrap();
    let input = json!({"sandbox_id": "s1", "force": true, "directories": true});
    assert_eq!(sandbox.good("clean", input)["paths"], json!(["link"]));
    assert!(outside.path().join("a").exists());
}
