//! The table of operations: what every surface relies on, for every line.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

use gitledger_operations::{Remotes, table};
use serde_json::{Value, json};

/// The example of each operation, in the table's order.
fn examples() -> Vec<(&'static str, Value)> {
    table::all().map(|operation| (operation.name, operation.example())).collect()
}

fn refused(name: &str, input: Value) -> (String, String) {
    let shown = input.to_string();
    match table::find(name).unwrap().ask(input, &Remotes::default()) {
        Ok(_) => panic!("{name} accepts {shown}"),
        Err(rejection) => (rejection.field, rejection.rule),
    }
}

fn with(input: &Value, field: &str, value: Value) -> Value {
    let mut input = input.clone();
    input[field] = value;
    input
}

#[test]
fn every_operation_has_an_example_a_name_of_its_own_and_a_summary() {
    let names: Vec<_> = table::all().map(|operation| operation.name).collect();
    let shown: Vec<_> = examples().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, shown);
    for operation in table::all() {
        assert!(operation.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        assert!(operation.summary().len() > 20, "{}: {:?}", operation.name, operation.summary());
    }
}

#[test]
fn every_field_is_explained_and_every_example_is_accepted_and_recorded_under_4_kib() {
    for (name, input) in examples() {
        let operation = table::find(name).unwrap();
        let schema = (operation.input_schema)().to_value();
        for (field, shape) in schema["properties"].as_object().unwrap() {
            assert!(shape["description"].is_string(), "{name}.{field}");
        }
        let Ok(asked) = operation.ask(input, &Remotes::default()) else { panic!("{name}") };
        assert!(asked.recorded_input().to_string().len() < 4096);
    }
}

#[test]
fn an_unknown_field_is_named() {
    for (name, input) in examples() {
        assert_eq!(refused(name, with(&input, "bogus", json!(1))).0, "bogus", "{name}");
    }
}

#[test]
fn a_missing_field_is_named() {
    for (name, input) in examples() {
        let schema = (table::find(name).unwrap().input_schema)().to_value();
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            let mut without = input.clone();
            without.as_object_mut().unwrap().remove(field);
            assert_eq!(refused(name, without), (field.to_owned(), "is required".to_owned()), "{name}");
        }
    }
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    for (name, input) in examples() {
        let schema = (table::find(name).unwrap().input_schema)().to_value();
        for field in schema["properties"].as_object().unwrap().keys() {
            let (told, rule) = refused(name, with(&input, field, json!({"a": 1})));
            // What is itself an object names the field in it.
            assert_eq!(told.split('.').next(), Some(field.as_str()), "{name}.{field}: {rule}");
        }
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_git_could_take_for_something_else_is_refused_before_anything_happens() {
    let names = [
        "--upload-pack=x",
        "-x",
        "+main",
        "refs/heads/x",
        "HEAD~1",
        "a..b",
        "a b",
        "x.lock",
        "@{-1}",
        "a\u{0}",
    ];
    let paths = ["/etc/passwd", "../x", "a/../../x", ".git/config", "a/.GIT/x", "~/x", "a\u{0}b", ""];
    let urls = [
        "ext::sh -c x",
        "file:///etc",
        "--upload-pack=x",
        "https://u:p@github.com/a/b",
        "http://github.com/a/b",
        "https://127.0.0.1/a/b",
    ];
    let sandboxes = ["", "../x", "S", "a/b", "-o x"];
    let fields: &[(&str, &str, &[&str])] = &[
        ("clone", "branch", &names),
        ("clone", "revision", &names),
        ("clone", "repo_url", &urls),
        ("clone", "agent_id", &["", "-x", "a/b", "a b", "..", "$(x)", "x;y"]),
        ("clone", "task_id", &["", "-x", "a/b", "a b", "..", "x.lock"]),
        ("clone", "filter", &["sparse:oid=x", "--x", "blob:limit=", "blob:limit=1x", "tree:1"]),
        ("diff", "from", &["--output=x", "HEAD~1", "a..b", ":/x", "-p"]),
        ("log", "revision", &["--output=x", "HEAD~1", "--all"]),
        ("log", "since", &["yesterday", "--all", "1"]),
        ("log", "author", &["", "a\nb"]),
        ("show", "revision", &["--output=x", "HEAD~1", "a..b"]),
        ("compare", "base", &["--output=x", "HEAD~1"]),
        ("compare", "head", &["--output=x", "a:b"]),
        ("blame", "path", &paths),
        ("blame", "revision", &["--contents=x", "HEAD~1"]),
        ("file-read", "path", &paths),
        ("file-read", "path", &["a/", "./a", "a//b", "."]),
        ("file-read", "revision", &["--textconv", "HEAD:x"]),
        ("file-read", "lines", &["0-1", "2-1", "1p;w x", "/a/,/b/"]),
        ("file-read", "bytes", &["-5", "x"]),
        ("tree-list", "path", &paths),
        ("tree-list", "revision", &["--name-only", "HEAD~1"]),
        ("grep", "pattern", &["", "a\nb"]),
        ("grep", "revision", &["--open-files-in-pager=x", "HEAD~1"]),
        ("tag-list", "pattern", &["--x", "../x", "a b", "[a]", ""]),
        ("ref-resolve", "revision", &["--all", "HEAD~1", "a b"]),
        ("reflog", "ref", &["--all", "HEAD@{1}"]),
        ("file-write", "path", &paths),
        ("file-write", "path", &["a/", "./a", "a//b", "."]),
        ("fetch", "branch", &names),
        ("pull", "branch", &names),
        ("push", "branch", &names),
        ("push", "tag", &names),
        ("push", "source", &["--all", "HEAD~1", "a..b", "+main", ":main"]),
        ("push", "expected_old", &["", "HEAD", "1234567", "--force"]),
        ("push-delete", "branch", &names),
        ("push-delete", "expected_old", &["", "HEAD", "1234567"]),
        ("sync", "branch", &names),
        ("ls-remote", "repo_url", &urls),
        ("remote-add", "url", &urls),
        ("remote-add", "name", &["", "origin", "-x", "--mirror", "a/b", "a b", "..", "x.lock"]),
        ("switch", "branch", &names),
        ("branch-create", "name", &names),
        ("branch-create", "start_point", &["--track", "HEAD~1"]),
        ("branch-rename", "name", &names),
        ("branch-rename", "new_name", &names),
        ("branch-delete", "name", &names),
        ("branch-delete", "expected_oid", &["HEAD", "abc", "-d"]),
        ("tag-create", "name", &names),
        ("tag-create", "target", &["--sign", "HEAD~1", "a:b"]),
        ("tag-delete", "name", &names),
        ("tag-delete", "expected_oid", &["HEAD", "abc", "-d"]),
        ("merge", "source", &["--strategy=ours", "HEAD~1", "a..b", ":/x"]),
        ("rebase", "upstream", &["--exec=x", "HEAD~1", "-x"]),
        ("rebase", "onto", &["--exec=x", "HEAD~1", "-x"]),
        ("merge-preview", "source", &["--stdin", "HEAD~1", "a..b"]),
        ("merge-preview", "target", &["--stdin", "HEAD~1", "a..b"]),
        ("conflict-show", "path", &paths),
        ("conflict-show", "path", &["a/", "./a", "a//b", "."]),
        ("conflict-resolve", "path", &paths),
        ("conflict-resolve", "path", &["a/", "./a", "a//b", "."]),
        ("init", "repo_url", &urls),
        ("init", "agent_id", &["", "-x", "a/b", ".."]),
        ("init", "task_id", &["", "-x", "a/b", "x.lock"]),
        ("init", "initial_branch", &names),
        ("restore", "source", &["--output=x", "HEAD~1", "a..b", ":/x", "-p"]),
        ("reset", "revision", &["--hard", "HEAD~1", "a..b", "-x"]),
        ("move", "from", &paths),
        ("move", "to", &paths),
        ("move", "to", &["a/", "./a", "a//b", "."]),
        ("stash-pop", "oid", &["", "stash@{0}", "HEAD", "ABCDEF", "-x"]),
        ("stash-drop", "oid", &["", "stash@{0}", "HEAD", "-x"]),
        ("worktree-add", "name", &["", "..", "a/b", "-x", "../x", ".git"]),
        ("worktree-add", "branch", &names),
        ("worktree-add", "start_point", &["--detach", "HEAD~1"]),
        ("worktree-remove", "name", &["", "..", "a/b", "-x", "../workspace"]),
        ("commit", "author_name", &["a<b>", "\n", ""]),
        ("commit", "author_email", &["a\nb", "<>"]),
        ("sandbox-create", "agent_id", &["", "-x", "a/b", ".."]),
        ("sandbox-create", "repo_url", &urls),
        ("sandbox-lifecycle", "body", &["", "[]", "{}", "null", "{\"id\": 1}"]),
    ];
    let examples = examples();
    let example = |name: &str| examples.iter().find(|(other, _)| *other == name).unwrap().1.clone();
    for (name, field, values) in fields {
        for value in *values {
            assert_eq!(refused(name, with(&example(name), field, json!(value))).0, *field, "{value}");
        }
    }
    let lists = ["diff", "add", "commit", "unstage", "restore", "remove", "reset", "clean", "stash-push"];
    let others = [("log", "paths"), ("grep", "paths"), ("submodule-update", "paths")];
    for (name, field) in lists.map(|name| (name, "files")).into_iter().chain(others) {
        for path in paths {
            let mut input = example(name);
            input.as_object_mut().unwrap().remove("mode");
            let (told, _) = refused(name, with(&input, field, json!(["good", path])));
            assert_eq!(told, format!("{field}[1]"), "{path}");
        }
    }
    for name in ["cherry-pick", "revert"] {
        for revision in ["--strategy=ours", "HEAD~1", "a..b", "-n", "a b"] {
            let (told, _) = refused(name, with(&example(name), "revisions", json!(["good", revision])));
            assert_eq!(told, "revisions[1]", "{revision}");
        }
    }
    for (name, input) in examples.iter().filter(|(_, input)| input.get("sandbox_id").is_some()) {
        for sandbox in sandboxes {
            assert_eq!(refused(name, with(input, "sandbox_id", json!(sandbox))).0, "sandbox_id");
        }
    }
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    for (name, more, field) in [
        ("clone", json!({"depth": 0}), "depth"),
        ("diff", json!({"to": "main"}), "to"),
        ("diff", json!({"output": {"max_bytes": 1000}}), "output.max_bytes"),
        ("diff", json!({"output": {"cursor": "x"}}), "output.cursor"),
        ("log", json!({"limit": 0}), "limit"),
        ("log", json!({"limit": 201}), "limit"),
        ("log", json!({"all": true, "revision": "main"}), "all"),
        ("reflog", json!({"limit": 0}), "limit"),
        ("blame", json!({"lines": ["1-2", "0"]}), "lines[1]"),
        ("grep", json!({"revision": "HEAD", "untracked": true}), "untracked"),
        ("file-read", json!({"stage": 4}), "stage"),
        ("file-read", json!({"stage": 1, "revision": "HEAD"}), "stage"),
        ("file-read", json!({"bytes": "0-1"}), "bytes"),
        ("add", json!({"files": [], "all": false}), "files"),
        ("add", json!({"all": true}), "files"),
        ("commit", json!({"message": " \n"}), "message"),
        ("commit", json!({"files": ["a"], "all": true}), "all"),
        ("fetch", json!({"prune": true, "branch": "b"}), "prune"),
        ("fetch", json!({"unshallow": true, "depth": 1}), "unshallow"),
        ("pull", json!({"on_conflict": "keep"}), "on_conflict"),
        ("push", json!({"files": ["a"]}), "files"),
        ("push", json!({"max_attempts": 6}), "max_attempts"),
        ("push", json!({"force": true}), "force"),
        ("push", json!({"source": "main"}), "source"),
        ("push", json!({"tag": "v1", "branch": "b"}), "tag"),
        ("push", json!({"tag": "v1", "expected_old": "1".repeat(40)}), "expected_old"),
        ("push", json!({"create_only": true, "expected_old": "1".repeat(40)}), "create_only"),
        ("push-delete", json!({"branch": null}), "branch"),
        ("push-delete", json!({"tag": "v1"}), "tag"),
        ("push-delete", json!({"max_attempts": 0}), "max_attempts"),
        ("sync", json!({"files": ["a"]}), "files"),
        ("ls-remote", json!({"patterns": ["-x"]}), "patterns[0]"),
        ("ls-remote", json!({"patterns": ["refs/heads/*", "a b"]}), "patterns[1]"),
        ("submodule-update", json!({"depth": 0}), "depth"),
        ("submodule-update", json!({"paths": vec!["x"; 17]}), "paths"),
        ("switch", json!({"create": false, "start_point": "main"}), "start_point"),
        ("unstage", json!({"all": true}), "files"),
        ("restore", json!({"files": []}), "files"),
        ("restore", json!({"worktree": false}), "worktree"),
        ("remove", json!({"files": []}), "files"),
        ("move", json!({"to": "notes.txt"}), "to"),
        ("move", json!({"to": "notes.txt/x"}), "to"),
        ("reset", json!({"files": ["a"]}), "mode"),
        ("apply-patch", json!({"patch": " \n"}), "patch"),
        ("apply-patch", json!({"three_way": true}), "three_way"),
        ("apply-patch", json!({"on_conflict": "keep"}), "on_conflict"),
        ("stash-push", json!({"message": "a\nb"}), "message"),
        ("stash-pop", json!({"index": 10_000}), "index"),
        ("worktree-add", json!({"create": false, "start_point": "main"}), "start_point"),
        ("file-write", json!({"encoding": "base64", "content": "%"}), "content"),
        ("merge", json!({"squash": true, "ff": "only"}), "ff"),
        ("clone", json!({"sandbox": {"ttl_s": 59}}), "sandbox.ttl_s"),
        ("clone", json!({"sandbox": {"pause_after_s": 4}}), "sandbox.pause_after_s"),
        ("clone", json!({"sandbox": {"trust": []}}), "sandbox.trust"),
        ("sandbox-keep-alive", json!({"timeout_s": 0}), "timeout_s"),
        ("sandbox-warm", json!({"pool": 101}), "pool"),
        ("sandbox-lifecycle", json!({"signature_version": "v2"}), "e2b-signature-version"),
        ("merge", json!({"squash": true, "on_conflict": "keep"}), "on_conflict"),
        ("merge", json!({"message": " \n"}), "message"),
        ("cherry-pick", json!({"revisions": []}), "revisions"),
        ("cherry-pick", json!({"mainline": 0}), "mainline"),
        ("cherry-pick", json!({"no_commit": true, "on_conflict": "keep"}), "on_conflict"),
        ("revert", json!({"revisions": vec!["a"; 51]}), "revisions"),
        ("merge-preview", json!({"mainline": 1}), "mainline"),
        ("tag-create", json!({"message": ""}), "message"),
        ("conflict-resolve", json!({"with": "content"}), "content"),
        ("conflict-resolve", json!({"content": "x"}), "content"),
        ("conflict-resolve", json!({"with": "content", "content": "%", "encoding": "base64"}), "content"),
        ("conflict-resolve", json!({"with": "hunks"}), "hunks"),
        ("conflict-resolve", json!({"hunks": [{"number": 1, "with": "ours"}]}), "hunks"),
        (
            "conflict-resolve",
            json!({"with": "hunks", "hunks": [{"number": 0, "with": "ours"}]}),
            "hunks[0].number",
        ),
        (
            "conflict-resolve",
            json!({"with": "hunks", "hunks": [{"number": 1, "with": "ours", "content": "x"}]}),
            "hunks[0].content",
        ),
    ] {
        let mut input = examples().into_iter().find(|(other, _)| *other == name).unwrap().1;
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(refused(name, input).0, field, "{name} {more}");
    }
}
