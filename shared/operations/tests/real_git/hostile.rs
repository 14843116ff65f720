//! A workspace whose configuration, attributes and hooks run commands whenever git lets them: none of the
//! operations that change files does.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

const HOOKS: &[&str] = &[
    "applypatch-msg",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "pre-applypatch",
    "pre-commit",
    "reference-transaction",
];

/// A workspace that touches a file when it gets to run anything; and that file.
fn hostile(server: &Server) -> (Sandbox, std::path::PathBuf) {
    let mut sandbox = server.cloned();
    let mark = sandbox.home.path().join("mark");
    sandbox.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    let payload = format!("touch {};cat", mark.display());
    for key in [
        "core.fsmonitor",
        "core.editor",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "gpg.program",
        "merge.evil.driver",
    ] {
        sandbox.git(&["config", key, &payload]);
    }
    for (key, value) in [
        ("apply.whitespace", "error-all"),
        ("apply.ignoreWhitespace", "change"),
        ("clean.requireForce", "true"),
        ("commit.gpgSign", "true"),
        ("core.hooksPath", ".git/evil"),
        ("diff.renames", "copies"),
        ("filter.evil.required", "true"),
        ("stash.showIncludeUntracked", "true"),
        ("worktree.guessRemote", "true"),
    ] {
        sandbox.git(&["config", key, value]);
    }
    for folder in ["evil", "hooks"] {
        fs::create_dir_all(sandbox.dir().join(".git").join(folder)).unwrap();
        for hook in HOOKS {
            let path = sandbox.dir().join(".git").join(folder).join(hook);
            fs::write(&path, format!("#!/bin/sh\n{payload}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    (sandbox, mark)
}

fn ask(sandbox: &mut Sandbox, name: &str, mut input: Value) -> Value {
    input["sandbox_id"] = json!("s1");
    sandbox.good(name, input)
}

#[test]
fn nothing_of_a_hostile_workspace_runs_when_files_are_changed() {
    let server = Server::with_repository(None);
    let (mut sandbox, mark) = hostile(&server);
    let patch = "--- a/g\n+++ b/g\n@@ -1 +1 @@\n-x\n+trailing \n";
    for (file, name, input) in [
        ("f", "add", json!({"all": true})),
        ("f", "unstage", json!({"all": true})),
        ("f", "restore", json!({"files": ["f"]})),
        ("f", "restore", json!({"files": ["f"], "staged": true})),
        ("f", "reset", json!({"mode": "mixed"})),
        ("f", "reset", json!({"mode": "keep"})),
        ("f", "reset", json!({"mode": "hard"})),
        ("new", "clean", json!({"force": true, "directories": true})),
        ("f", "stash-push", json!({"include_untracked": true})),
        ("g", "stash-pop", json!({"keep": true})),
        ("unknown", "restore", json!({"files": ["f", "g"]})),
        ("unknown", "apply-patch", json!({"patch": patch})),
        ("unknown", "apply-patch", json!({"patch": patch, "reverse": true})),
        ("unknown", "apply-patch", json!({"patch": patch, "target": "both", "three_way": true})),
        ("unknown", "reset", json!({"mode": "hard"})),
        ("unknown", "move", json!({"from": "f", "to": "h"})),
        ("unknown", "remove", json!({"files": ["h"], "force": true})),
        ("unknown", "worktree-add", json!({"name": "w", "branch": "w", "create": true})),
        ("../worktrees/w/f", "worktree-remove", json!({"name": "w", "force": true})),
    ] {
        sandbox.write(file, "changed by an agent\n");
        assert!(!mark.exists());
        ask(&mut sandbox, name, input.clone());
        assert!(!mark.exists(), "{name} {input}");
    }
    let oid = sandbox.git(&["rev-parse", "refs/stash"]);
    ask(&mut sandbox, "stash-drop", json!({"oid": oid}));
    assert!(!mark.exists());
    // What a person at the desk would have run.
    sandbox.write("f", "changed\n");
    let _ = std::process::Command::new("git").args(["status"]).current_dir(sandbox.dir()).output();
    assert!(mark.exists(), "the payload works");
}

#[test]
fn before_the_first_clone_the_operations_that_change_files_say_so() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    for operation in gitledger_operations::table::OPERATIONS {
        let input: Value = operation.example();
        let changes = ["unstage", "restore", "remove", "move", "reset", "clean", "apply-patch"];
        let apart = operation.name.starts_with("stash-p")
            || operation.name == "stash-drop"
            || operation.name.starts_with("worktree-");
        if changes.contains(&operation.name) || apart {
            assert_eq!(
                sandbox.bad(operation.name, input).code.name,
                "not-a-repository",
                "{}",
                operation.name
            );
            assert!(sandbox.plans.is_empty());
        }
    }
}
