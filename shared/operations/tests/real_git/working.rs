//! The local operations.

use serde_json::json;

use crate::server::Server;

#[test]
fn status_tells_changed_staged_deleted_renamed_and_unknown_files_apart_in_one_process() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "changed\n");
    sandbox.git(&["mv", "g", "h i"]);
    sandbox.write("new\nline", "n");
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["modified"], json!(["f"]));
    assert_eq!(status["staged"], json!(["h i"]));
    assert_eq!(status["renamed"], json!([{"path": "h i", "orig_path": "g"}]));
    assert_eq!(status["untracked"], json!(["new\nline"]));
    assert_eq!(status["current_branch"], "agent-a1-t1");
    assert_eq!(status["upstream"], "origin/agent-a1-t1");
    assert_eq!(status["ahead"], json!(null));
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!(sandbox.plans[0].steps.len(), 1);
}

#[test]
fn status_names_an_unfinished_rebase() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "a\n");
    sandbox.git(&["commit", "-qam", "a"]);
    sandbox.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    sandbox.write("f", "b\n");
    sandbox.git(&["commit", "-qam", "b"]);
    let _ = std::process::Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@x", "rebase", "agent-a1-t1"])
        .current_dir(sandbox.dir())
        .output();
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["in_progress"], "rebase");
    assert_eq!(status["conflicted"], json!([{"path": "f", "kind": "UU"}]));
    assert_eq!(status["detached"], true);
    for name in ["push", "pull"] {
        assert_eq!(sandbox.bad(name, json!({"sandbox_id": "s1"})).code.name, "detached-head");
    }
    let failure = sandbox.bad("commit", json!({"sandbox_id": "s1", "message": "m"}));
    assert_eq!(failure.code.name, "unmerged-paths");
    let failure = sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "side"}));
    assert!(["unmerged-paths", "operation-in-progress"].contains(&failure.code.name), "{failure:?}");
}

#[test]
fn a_diff_shows_staged_and_unstaged_changes_and_never_a_file_from_outside() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "1\ntwo\n3\n");
    sandbox.write("g", "y\n");
    sandbox.git(&["add", "g"]);
    let diff = sandbox.good("diff", json!({"sandbox_id": "s1"}));
    assert_eq!(diff["files"].as_array().unwrap().len(), 2);
    assert!(diff["diff"].as_str().unwrap().contains("+two\n"));
    assert_eq!(
        diff["files"][0],
        json!({"path": "f", "status": "modified", "additions": 1, "deletions": 1, "binary": false})
    );
    let staged = sandbox.good("diff", json!({"sandbox_id": "s1", "staged": true, "detail": "name"}));
    assert_eq!((staged["files"][0]["path"].as_str(), staged["diff"].as_str()), (Some("g"), Some("")));
    let one = sandbox.good("diff", json!({"sandbox_id": "s1", "files": ["g"], "detail": "stat"}));
    assert_eq!((one["files"].as_array().unwrap().len(), one["files"][0]["additions"].as_u64()), (1, Some(1)));
    std::os::unix::fs::symlink("/etc", sandbox.dir().join("etc")).unwrap();
    let outside = sandbox.ask("diff", json!({"sandbox_id": "s1", "files": ["etc/passwd", "g"]}));
    assert!(!format!("{outside:?}").contains("root:"), "{outside:?}");
    let small = sandbox.good("diff", json!({"sandbox_id": "s1", "output": {"max_bytes": 1024}}));
    assert_eq!((&small["truncated"], small["files_total"].as_u64()), (&serde_json::json!(false), Some(2)));
    assert!(small.to_string().len() <= 1024);
    let between = sandbox.good("diff", json!({"sandbox_id": "s1", "from": "origin/main", "to": "HEAD"}));
    assert_eq!(between["files"], json!([]));
    let failure = sandbox.bad("diff", json!({"sandbox_id": "s1", "from": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
}

#[test]
fn a_log_pages_and_shows_whole_messages() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let message = "subject \u{1b}[2J\n\nbody\nmore\n";
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": message, "allow_empty": true}));
    let log = sandbox.good("log", json!({"sandbox_id": "s1", "limit": 2}));
    assert_eq!(log["truncated"], true);
    assert_eq!(log["commits"][0]["body"], "body\nmore");
    assert_eq!(log["commits"][0]["author"]["name"], "a1");
    assert_eq!(log["commits"][0]["author"]["date"], "2023-11-14T22:13:20Z");
    let next = json!({"sandbox_id": "s1", "limit": 2, "output": {"cursor": log["cursor"]}});
    let rest = sandbox.good("log", next);
    assert_eq!((rest["truncated"].as_bool(), rest["commits"].as_array().unwrap().len()), (Some(false), 1));
    let touched = sandbox.good("log", json!({"sandbox_id": "s1", "paths": ["g"], "all": true}));
    assert_eq!(touched["commits"].as_array().unwrap().len(), 1);
    assert_eq!(
        sandbox.bad("log", json!({"sandbox_id": "s1", "revision": "nope"})).code.name,
        "ref-not-found"
    );
}

#[test]
fn a_file_is_written_whole_and_never_through_a_symbolic_link() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let write = |path: &str, content: &str| json!({"sandbox_id": "s1", "path": path, "content": content});
    let output = sandbox.good("file-write", write("a/b/c.txt", "hello\n"));
    assert_eq!(output, json!({"path": "a/b/c.txt", "bytes": 6, "created": true}));
    assert_eq!(sandbox.read("a/b/c.txt"), "hello\n");
    assert_eq!(sandbox.good("file-write", write("a/b/c.txt", ""))["created"], false);
    assert_eq!(sandbox.read("a/b/c.txt"), "");
    let big = "x".repeat(100_000);
    sandbox.good("file-write", write("-big", &big));
    assert_eq!(sandbox.read("-big"), big);
    let mut run = write("run", "AP8=");
    run["encoding"] = json!("base64");
    run["executable"] = json!(true);
    sandbox.good("file-write", run);
    assert_eq!(std::fs::read(sandbox.dir().join("run")).unwrap(), [0, 255]);
    // Stays executable, because nothing else is said.
    sandbox.good("file-write", write("run", "x"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&sandbox.dir().join("run").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o755);
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.dir().join("link")).unwrap();
    for path in ["link/x", "link/d/x"] {
        assert_eq!(sandbox.bad("file-write", write(path, "x")).code.name, "path-outside-repo");
    }
    let target = outside.path().join("target");
    std::fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, sandbox.dir().join("file-link")).unwrap();
    sandbox.good("file-write", write("file-link", "x"));
    assert_eq!(
        (std::fs::read_to_string(&target).unwrap(), sandbox.read("file-link")),
        ("kept".into(), "x".into())
    );
    assert_eq!(sandbox.bad("file-write", write("a", "x")).code.name, "path-not-a-file");
    let mut missing = write("no/where", "x");
    missing["create_directories"] = json!(false);
    assert_eq!(sandbox.bad("file-write", missing).code.name, "path-not-found");
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["untracked"], json!(["-big", "a/b/c.txt", "file-link", "link", "run"]));
}

#[test]
fn a_commit_is_the_same_when_it_is_made_again_and_says_what_it_changed() {
    let server = Server::with_repository(None);
    let commits: Vec<_> = (0..2)
        .map(|_| {
            let mut sandbox = server.cloned();
            sandbox.write("f", "1\n2\n3\n4\n");
            sandbox.write("-n", "new\n");
            let added = sandbox.good("add", json!({"sandbox_id": "s1", "files": ["f", "-n"]}));
            assert_eq!(added["staged"], json!(["-n", "f"]));
            sandbox.good("commit", json!({"sandbox_id": "s1", "message": "it's \"$(x)\" `y`\n\n"}))
        })
        .collect();
    assert_eq!(commits[0], commits[1]);
    assert_eq!(commits[0]["files_changed"], 2);
    assert_eq!((commits[0]["insertions"].as_u64(), commits[0]["deletions"].as_u64()), (Some(2), Some(0)));
    assert_eq!(commits[0]["branch"], "agent-a1-t1");
    assert_eq!(commits[0]["parent"], server.tip("main"));
}

#[test]
fn what_cannot_be_staged_or_committed_has_its_own_code() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let commit = json!({"sandbox_id": "s1", "message": "m"});
    assert_eq!(sandbox.bad("commit", commit).code.name, "nothing-to-commit");
    let add = |file: &str| json!({"sandbox_id": "s1", "files": [file]});
    assert_eq!(sandbox.bad("add", add("nope")).code.name, "path-not-found");
    sandbox.write(".gitignore", "secret\n");
    sandbox.write("secret", "s");
    assert_eq!(sandbox.bad("add", add("secret")).code.name, "path-ignored");
    std::os::unix::fs::symlink("/etc", sandbox.dir().join("etc")).unwrap();
    assert_eq!(sandbox.bad("add", add("etc/passwd")).code.name, "path-outside-repo");
    assert_eq!(sandbox.bad("add", add(":(top)f")).code.name, "path-not-found");
}

#[test]
fn hooks_filters_of_commit_and_monitors_of_a_hostile_workspace_do_not_run() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let mark = sandbox.home.path().join("mark");
    let payload = format!("touch {}", mark.display());
    for key in
        ["core.fsmonitor", "core.pager", "core.editor", "gpg.program", "core.sshCommand", "diff.external"]
    {
        sandbox.git(&["config", key, &payload]);
    }
    sandbox.git(&["config", "commit.gpgSign", "true"]);
    std::fs::create_dir_all(sandbox.dir().join(".git/hooks")).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "commit-msg",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-push",
        "pre-rebase",
    ] {
        let path = sandbox.dir().join(".git/hooks").join(hook);
        std::fs::write(&path, format!("#!/bin/sh\n{payload}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    server.push_by_another("main", "new", "n\n");
    std::fs::write(sandbox.dir().join("f"), "changed\n").unwrap();
    for (name, mut input) in [
        ("status", json!({})),
        ("diff", json!({})),
        ("log", json!({})),
        ("show", json!({"detail": "patch"})),
        ("compare", json!({"base": "origin/main"})),
        ("blame", json!({"path": "f"})),
        ("file-read", json!({"path": "f", "revision": "HEAD"})),
        ("grep", json!({"pattern": "c", "untracked": true})),
        ("reflog", json!({})),
        ("commit", json!({"message": "m", "all": true})),
        ("branch-create", json!({"name": "b"})),
        ("switch", json!({"branch": "b"})),
        ("fetch", json!({})),
        ("pull", json!({})),
        ("push", json!({})),
    ] {
        input["sandbox_id"] = json!("s1");
        sandbox.good(name, input);
        assert!(!mark.exists(), "{name}");
    }
}

#[test]
fn branches_are_made_listed_and_gone_to() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let made = sandbox
        .good("branch-create", json!({"sandbox_id": "s1", "name": "x/y", "start_point": "origin/main"}));
    assert_eq!(made["oid"], server.tip("main"));
    let failure = sandbox.bad("branch-create", json!({"sandbox_id": "s1", "name": "x/y"}));
    assert_eq!(failure.code.name, "branch-exists");
    let failure = sandbox.bad("branch-create", json!({"sandbox_id": "s1", "name": "x"}));
    assert_eq!(failure.code.name, "ref-name-conflict");
    let failure =
        sandbox.bad("branch-create", json!({"sandbox_id": "s1", "name": "z", "start_point": "nope"}));
    assert_eq!(failure.code.name, "ref-not-found");
    let list = sandbox.good("branch-list", json!({"sandbox_id": "s1"}));
    let names: Vec<_> =
        list["branches"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["agent-a1-t1", "x/y"]);
    assert_eq!(list["branches"][1]["upstream"], "origin/main");
    let remote = sandbox.good("branch-list", json!({"sandbox_id": "s1", "remote": true}));
    assert_eq!(remote["branches"][0]["name"], "origin/main");
    let output = sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "x/y"}));
    assert_eq!(output["previous_branch"], "agent-a1-t1");
    let output = sandbox.good("switch", json!({"sandbox_id": "s1", "branch": "n", "create": true}));
    assert_eq!((output["created"].as_bool(), output["branch"].as_str()), (Some(true), Some("n")));
    assert_eq!(
        sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "nope"})).code.name,
        "ref-not-found"
    );
    sandbox.write("f", "n\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "n", "all": true}));
    sandbox.write("f", "dirty\n");
    let failure = sandbox.bad("switch", json!({"sandbox_id": "s1", "branch": "x/y"}));
    assert_eq!(failure.code.name, "local-changes-overwritten");
    assert_eq!(sandbox.read("f"), "dirty\n");
}

#[test]
fn before_the_first_clone_every_operation_says_so() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    for (name, mut input) in [
        ("status", json!({})),
        ("diff", json!({})),
        ("log", json!({})),
        ("file-write", json!({"path": "a", "content": ""})),
        ("add", json!({"all": true})),
        ("commit", json!({"message": "m"})),
        ("fetch", json!({})),
        ("pull", json!({})),
        ("push", json!({})),
        ("switch", json!({"branch": "b"})),
        ("branch-create", json!({"name": "b"})),
        ("branch-list", json!({})),
        ("show", json!({})),
        ("compare", json!({"base": "main"})),
        ("blame", json!({"path": "f"})),
        ("file-read", json!({"path": "f"})),
        ("tree-list", json!({})),
        ("grep", json!({"pattern": "x"})),
        ("tag-list", json!({})),
        ("ref-resolve", json!({"revision": "HEAD"})),
        ("stash-list", json!({})),
        ("reflog", json!({})),
        ("remote-list", json!({})),
    ] {
        input["sandbox_id"] = json!("s1");
        assert_eq!(sandbox.bad(name, input).code.name, "not-a-repository", "{name}");
        assert!(sandbox.plans.is_empty());
    }
}
