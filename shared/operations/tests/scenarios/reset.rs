//! `reset`; and what several scenarios need: a conflict, and what a snapshot keeps.

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::server::Server;

/// The name of the last snapshot's part.
pub fn snapshot(sandbox: &Sandbox, part: &str) -> String {
    let all = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/gitledger/snapshots"]);
    all.lines().rfind(|name| name.ends_with(part)).unwrap_or_else(|| panic!("no {part}")).to_owned()
}

/// What the last snapshot keeps of a file, without its last line end.
pub fn kept(sandbox: &Sandbox, path: &str) -> String {
    sandbox.git(&["show", &format!("{}:{path}", snapshot(sandbox, "/files"))])
}

/// Leaves the workspace in the middle of a merge, with a conflict in `f`.
pub fn conflict(sandbox: &mut Sandbox, server: &Server) {
    sandbox.write("f", "mine\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "files": ["f"]}));
    server.push_by_another("main", "f", "theirs\n");
    let input = json!({"sandbox_id": "s1", "auto_rebase": false, "on_conflict": "keep"});
    assert_eq!(sandbox.bad("pull", input).code.name, "merge-conflict");
}

/// Everything that a snapshot must not touch.
fn state(sandbox: &Sandbox) -> (Vec<u8>, String, String, bool) {
    (
        std::fs::read(sandbox.dir().join(".git/index")).unwrap(),
        sandbox.git(&["--no-optional-locks", "status", "--porcelain=v2", "--ignored"]),
        sandbox.git(&["for-each-ref", "refs/heads", "refs/stash"]),
        sandbox.dir().join(".git/MERGE_HEAD").exists(),
    )
}

#[test]
fn a_hard_reset_says_what_it_throws_away_and_a_snapshot_keeps_it() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("own", "o\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "own", "all": true}));
    let own = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("f", "changed\n");
    sandbox.write("g", "staged\n");
    sandbox.git(&["add", "g"]);
    sandbox.write("unknown", "u\n");
    let input = json!({"sandbox_id": "s1", "mode": "hard", "revision": "origin/main"});
    let mut asked = input.clone();
    asked["dry_run"] = json!(true);
    let would = sandbox.good("reset", asked);
    assert_eq!(
        (would["head"].clone(), would["paths"].clone()),
        (json!(server.tip("main")), json!(["f", "g"]))
    );
    let output = sandbox.good("reset", input.clone());
    assert_eq!(
        (output["head"].clone(), output["previous_head"].clone()),
        (json!(server.tip("main")), json!(own))
    );
    assert_eq!((output["branch"].as_str(), output["changed"].as_bool()), (Some("agent-a1-t1"), Some(true)));
    assert_eq!(sandbox.plans.len(), 1);
    assert_eq!(sandbox.git(&["status", "--short"]), "?? unknown");
    assert_eq!(
        (kept(&sandbox, "f"), kept(&sandbox, "g"), kept(&sandbox, "own")),
        ("changed".into(), "staged".into(), "o".into())
    );
    assert_eq!(kept(&sandbox, "unknown"), "u");
    assert_eq!(sandbox.good("reset", input)["changed"], false);
}

#[test]
fn the_other_modes_leave_the_files() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let reset = |mode: &str| json!({"sandbox_id": "s1", "mode": mode, "revision": "origin/main"});
    let commit = json!({"sandbox_id": "s1", "message": "own", "all": true});
    for (mode, status) in [("soft", "M  f"), ("mixed", "M f")] {
        sandbox.write("f", &format!("{mode}\n"));
        sandbox.good("commit", commit.clone());
        sandbox.good("reset", reset(mode));
        assert_eq!(sandbox.git(&["status", "--short"]), status);
    }
    sandbox.good("commit", commit);
    sandbox.write("g", "uncommitted\n");
    // Written anew, with the contents it had: that is no change.
    let same = sandbox.read("f");
    std::fs::remove_file(sandbox.dir().join("f")).unwrap();
    sandbox.write("f", &same);
    sandbox.good("reset", reset("keep"));
    assert_eq!((sandbox.read("f"), sandbox.read("g")), ("1\n2\n3\n".into(), "uncommitted\n".into()));
    let input = json!({"sandbox_id": "s1", "files": ["g"]});
    sandbox.git(&["add", "g"]);
    assert_eq!(sandbox.good("reset", input)["paths"], json!(["g"]));
    assert_eq!(sandbox.git(&["status", "--short"]), "M g");
}

#[test]
fn what_cannot_be_reset_is_told_and_stays() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let reset = |mode: &str, to: &str| json!({"sandbox_id": "s1", "mode": mode, "revision": to});
    assert_eq!(sandbox.bad("reset", reset("hard", "nope")).code.name, "ref-not-found");
    sandbox.write("f", "own\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "own", "all": true}));
    sandbox.write("f", "uncommitted\n");
    let failure = sandbox.bad("reset", reset("keep", "origin/main"));
    assert_eq!(failure.code.name, "local-changes-overwritten");
    sandbox.git(&["checkout", "-q", "f"]);
    conflict(&mut sandbox, &server);
    for mode in ["soft", "keep"] {
        assert_eq!(sandbox.bad("reset", reset(mode, "HEAD")).code.name, "operation-in-progress");
    }
}

#[test]
fn a_snapshot_in_the_middle_of_a_merge_keeps_all_and_touches_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("g", "put aside\n");
    sandbox.git(&["stash", "-q"]);
    conflict(&mut sandbox, &server);
    sandbox.write("g", "staged\n");
    sandbox.git(&["add", "g"]);
    sandbox.write("g", "changed\n");
    sandbox.write("unknown", "u\n");
    // A repository without commits, which cannot be kept and must not be in the way.
    std::fs::create_dir(sandbox.dir().join("inner")).unwrap();
    crate::sandbox::git(&sandbox.dir().join("inner"), &["init", "-q"]);
    let before = state(&sandbox);
    // Keeps a snapshot, then refuses.
    assert_eq!(
        sandbox.bad("restore", json!({"sandbox_id": "s1", "files": ["nope"]})).code.name,
        "path-not-found"
    );
    assert_eq!(state(&sandbox), before);
    assert_eq!((kept(&sandbox, "g"), kept(&sandbox, "unknown")), ("changed".into(), "u".into()));
    sandbox.good("reset", json!({"sandbox_id": "s1", "mode": "hard"}));
    assert!(!sandbox.dir().join(".git/MERGE_HEAD").exists());
    assert!(kept(&sandbox, "f").contains("<<<<<<<"));
    // The index itself is kept too, conflicts and all.
    let index = snapshot(&sandbox, "/index");
    let copy = sandbox.home.path().join("index");
    let bytes = std::process::Command::new("git")
        .args(["cat-file", "blob", &index])
        .current_dir(sandbox.dir())
        .output();
    std::fs::write(&copy, bytes.unwrap().stdout).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), before.0);
    assert_eq!(sandbox.git(&["stash", "list", "--format=%gd"]), "stash@{0}");
}
