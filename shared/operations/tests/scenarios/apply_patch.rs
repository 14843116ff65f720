//! `apply-patch`.

use gitledger_events::operation::SideEffect;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::server::Server;

fn input(patch: &str, more: Value) -> Value {
    let mut input = json!({"sandbox_id": "s1", "patch": patch});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// A patch as git makes it: two files changed, one new. The workspace is as before.
fn patch(sandbox: &Sandbox) -> String {
    sandbox.write("f", "1\ntwo\n3\n");
    sandbox.write("g", "y\n");
    sandbox.write("a*[b]", "new\n");
    sandbox.git(&["add", "."]);
    let patch = sandbox.git(&["diff", "--cached"]);
    sandbox.git(&["reset", "-q", "--hard"]);
    patch
}

#[test]
fn a_patch_changes_files_or_what_is_staged_or_both() {
    let server = Server::with_repository(None);
    for (target, status) in [
        ("worktree", " M f\n M g\n?? a*[b]"),
        ("index", "AD a*[b]\nMM f\nMM g"),
        ("both", "A  a*[b]\nM  f\nM  g"),
    ] {
        let mut sandbox = server.cloned();
        let patch = patch(&sandbox);
        let ask = |more: Value| {
            let mut more = more;
            more["target"] = json!(target);
            input(&patch, more)
        };
        let would = sandbox.good("apply-patch", ask(json!({"dry_run": true})));
        assert_eq!((would["applied"].as_bool(), would["total"].as_u64()), (Some(false), Some(3)));
        assert_eq!(sandbox.git(&["status", "--short"]), "");
        let output = sandbox.good("apply-patch", ask(json!({})));
        assert_eq!(sandbox.plans.len(), 1);
        assert_eq!(output["files"][1], json!({"path": "f", "additions": 1, "deletions": 1}));
        assert_eq!(sandbox.git(&["status", "--short"]), status.trim_start(), "{target}");
        sandbox.good("apply-patch", ask(json!({"reverse": true})));
        assert_eq!(sandbox.git(&["status", "--short"]), "");
    }
}

#[test]
fn a_long_patch_goes_too() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let text = "+one more line\n".repeat(9000);
    let patch = format!("--- /dev/null\n+++ b/long\n@@ -0,0 +1,9000 @@\n{text}");
    assert_eq!(sandbox.good("apply-patch", input(&patch, json!({})))["files"][0]["additions"], 9000);
    assert_eq!(sandbox.read("long"), "one more line\n".repeat(9000));
}

#[test]
fn nothing_is_done_where_a_file_does_not_fit_and_it_is_named() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let patch = patch(&sandbox);
    sandbox.write("f", "1\nzwei\n3\n");
    sandbox.write("a*[b]", "in the way\n");
    let failure = sandbox.bad("apply-patch", input(&patch, json!({})));
    assert_eq!((failure.code.name, failure.side_effect), ("patch-failed", SideEffect::None));
    assert_eq!(failure.output, Some(json!({"rejected": ["a*[b]", "f"]})));
    assert_eq!((sandbox.read("g"), sandbox.read("f")), ("x\n".into(), "1\nzwei\n3\n".into()));
    for no_patch in ["hello", "--- a/f\n+++ b/f\n@@ -1,9 +1,9 @@\n-1\n+2\n"] {
        let failure = sandbox.bad("apply-patch", input(no_patch, json!({})));
        assert_eq!(failure.code.name, "patch-failed");
        assert_eq!(failure.output, Some(json!({"rejected": []})));
    }
    let by_hand = "--- a/g\n+++ b/g\n@@ -1,9 +1,9 @@\n-x\n+y";
    sandbox.good("apply-patch", input(by_hand, json!({"recount": true})));
    assert_eq!(sandbox.read("g"), "y\n");
}

#[test]
fn a_three_way_merge_changes_nothing_if_there_are_conflicts_or_marks_them() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let patch = patch(&sandbox);
    let ask = |more: Value| {
        let mut more = more;
        more["target"] = json!("both");
        more["three_way"] = json!(true);
        input(&patch, more)
    };
    // Another line was changed: a merge helps.
    sandbox.write("f", "1\n2\n3\nfour\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    assert_eq!(sandbox.good("apply-patch", ask(json!({"dry_run": true})))["applied"], false);
    sandbox.git(&["reset", "-q", "--hard"]);
    // The same line was.
    sandbox.write("f", "1\nzwei\n3\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "m", "all": true}));
    for more in [json!({}), json!({"dry_run": true}), json!({"dry_run": true, "on_conflict": "keep"})] {
        let failure = sandbox.bad("apply-patch", ask(more));
        assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::None));
        let conflicts = failure.output.unwrap()["conflicts"].clone();
        assert_eq!(
            (&conflicts[0]["path"], &conflicts[0]["kind"]),
            (&json!("f"), &json!("UU")),
            "{conflicts}"
        );
        assert_eq!(sandbox.git(&["status", "--short"]), "");
    }
    let failure = sandbox.bad("apply-patch", ask(json!({"on_conflict": "keep"})));
    assert_eq!((failure.code.name, failure.side_effect), ("merge-conflict", SideEffect::Applied));
    assert!(sandbox.read("f").contains("<<<<<<<"));
    assert_eq!(sandbox.bad("apply-patch", ask(json!({}))).code.name, "unmerged-paths");
}

/// A patch that writes `text` into a new file.
fn creates(path: &str) -> String {
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    )
}

#[test]
fn no_patch_writes_outside_the_workspace_or_into_git_or_through_a_symbolic_link() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("there"), "old\n").unwrap();
    let outer = outside.path().to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(&outer, sandbox.dir().join("link")).unwrap();
    std::os::unix::fs::symlink(format!("{outer}/there"), sandbox.dir().join("file-link")).unwrap();
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "links", "all": true}));
    let config = sandbox.read(".git/config");
    let line = config.lines().next().unwrap();
    let change = |path: &str, line: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{line}\n+x\n");
    let makes_link = format!(
        "diff --git a/sl b/sl\nnew file mode 120000\n--- /dev/null\n+++ b/sl\n@@ -0,0 +1 @@\n+{outer}\n\
         \\ No newline at end of file\n{}",
        creates("sl/x")
    );
    let renames = |from: &str, to: &str| {
        format!("diff --git a/{from} b/{to}\nsimilarity index 100%\nrename from {from}\nrename to {to}\n")
    };
    let patches = [
        creates("../x"),
        creates("a/../../x"),
        creates(&format!("{outer}/x")),
        creates(".git/hooks/pre-commit"),
        creates(".GIT/x"),
        creates("git~1/x"),
        creates("d/.git/x"),
        creates(".git"),
        creates("link/x"),
        change(".git/config", line),
        change("link/there", "old"),
        change("file-link", "old"),
        change("../workspace/.git/config", line),
        renames(".git/config", "stolen"),
        renames("f", ".git/x"),
        renames("f", "link/x"),
        renames("link/there", "stolen"),
        makes_link,
    ];
    for (number, patch) in patches.iter().enumerate() {
        for more in [
            json!({}),
            json!({"target": "index"}),
            json!({"target": "both", "three_way": true, "on_conflict": "keep"}),
        ] {
            if let Err(failure) = sandbox.ask("apply-patch", input(patch, more.clone())) {
                let expected = ["path-outside-repo", "patch-failed"];
                assert!(expected.contains(&failure.code.name), "{number} {more}: {failure:?}");
                assert_eq!(failure.side_effect, SideEffect::None, "{patch}");
            }
            let names: Vec<_> =
                std::fs::read_dir(&outer).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["there"], "{patch}");
            assert_eq!(std::fs::read_to_string(outside.path().join("there")).unwrap(), "old\n", "{patch}");
            assert_eq!(sandbox.read(".git/config"), config, "{patch}");
            assert!(!sandbox.dir().join(".git/hooks").exists() && !sandbox.dir().join(".git/x").exists());
            assert!(!sandbox.home.path().join("x").exists());
            assert!(!sandbox.dir().join("stolen").exists());
        }
    }
}
