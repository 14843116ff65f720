//! `conflict-resolve`.

use gitledger_events::operation::SideEffect;
use serde_json::{Value, json};

use crate::merge::diverged;
use crate::sandbox::Sandbox;

fn merged(ours: &[(&str, Option<&str>)], theirs: &[(&str, Option<&str>)]) -> Sandbox {
    let mut sandbox = diverged(ours, theirs);
    let keep = json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"});
    assert_eq!(sandbox.bad("merge", keep).code.name, "merge-conflict");
    sandbox
}

fn with(path: &str, with: &str, more: Value) -> Value {
    let mut input = json!({"sandbox_id": "s1", "path": path, "with": with});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[test]
fn a_side_as_a_whole_is_taken_in_the_file_and_in_what_is_staged() {
    for (side, text) in [("ours", "ours\n"), ("theirs", "theirs\n"), ("base", "1\n2\n3\n")] {
        let mut sandbox = merged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
        let output = sandbox.good("conflict-resolve", with("f", side, json!({})));
        assert_eq!((output["remaining"].as_u64(), &output["next"]), (Some(0), &Value::Null));
        assert_eq!(sandbox.read("f"), text);
        assert_eq!(output["resolved"]["oid"], json!(sandbox.git(&["rev-parse", ":f"])));
        assert_eq!(sandbox.git(&["diff", "--name-only"]), "");
    }
}

#[test]
fn a_side_without_the_file_deletes_it_and_the_next_conflict_is_named() {
    let mut sandbox =
        merged(&[("f", None), ("g", Some("ours\n"))], &[("f", Some("theirs\n")), ("g", Some("theirs\n"))]);
    let output = sandbox.good("conflict-resolve", with("f", "ours", json!({})));
    assert_eq!((output["remaining"].as_u64(), &output["next"]["path"]), (Some(1), &json!("g")));
    assert!(!sandbox.dir().join("f").exists());
    let failure = sandbox.bad("conflict-resolve", with("f", "ours", json!({})));
    assert_eq!(failure.code.name, "path-not-conflicted");
    let failure = sandbox.bad("conflict-resolve", with("no such", "ours", json!({})));
    assert_eq!(failure.code.name, "path-not-conflicted");
    sandbox.good("conflict-resolve", with("g", "delete", json!({})));
    assert_eq!(sandbox.git(&["ls-files"]), "");
}

#[test]
fn markers_are_not_left_unless_that_is_wanted() {
    let text = |who: &str| format!("1 {who}\n2\n3 {who}\n");
    let (ours, theirs) = (text("ours"), text("theirs"));
    let mut sandbox = merged(&[("f", Some(&ours))], &[("f", Some(&theirs))]);
    let content = json!({"content": "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"});
    let failure = sandbox.bad("conflict-resolve", with("f", "content", content));
    assert_eq!((failure.code.name, failure.side_effect), ("markers-left", SideEffect::None));
    let one = json!({"hunks": [{"number": 1, "with": "theirs"}]});
    let failure = sandbox.bad("conflict-resolve", with("f", "hunks", one.clone()));
    assert_eq!((failure.code.name, &failure.output.unwrap()["hunks"]), ("markers-left", &json!([2])));
    let extra = json!({"hunks": [{"number": 3, "with": "theirs"}]});
    assert_eq!(sandbox.bad("conflict-resolve", with("f", "hunks", extra)).code.name, "no-hunks");
    let mut allowed = one;
    allowed["allow_markers"] = json!(true);
    sandbox.good("conflict-resolve", with("f", "hunks", allowed));
    let marked = "1 theirs\n2\n<<<<<<< ours\n3 ours\n||||||| base\n3\n=======\n3 theirs\n>>>>>>> theirs\n";
    assert_eq!(sandbox.read("f"), marked);
}

#[test]
fn contents_are_taken_as_they_are_text_or_not_short_or_long() {
    let long = "0123456789abcde\n".repeat(4000);
    for (encoding, content, bytes) in [
        ("utf-8", "Title\n=======\nno end", b"Title\n=======\nno end".to_vec()),
        ("utf-8", long.as_str(), long.clone().into_bytes()),
        ("base64", "AP8A", vec![0, 255, 0]),
    ] {
        let mut sandbox = merged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
        let more = json!({"content": content, "encoding": encoding});
        sandbox.good("conflict-resolve", with("f", "content", more));
        assert_eq!(std::fs::read(sandbox.dir().join("f")).unwrap(), bytes);
        assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  f");
    }
}

#[test]
fn what_is_no_text_is_taken_as_a_whole_or_not_at_all() {
    let mut sandbox = merged(&[("b", Some("a\0b\n"))], &[("b", Some("c\0d\n"))]);
    let failure = sandbox.bad("conflict-resolve", with("b", "union", json!({})));
    assert_eq!((failure.code.name, failure.side_effect), ("no-hunks", SideEffect::None));
    sandbox.good("conflict-resolve", with("b", "theirs", json!({})));
    assert_eq!(sandbox.read("b"), "c\0d\n");
}

#[test]
fn a_file_that_only_they_made_one_that_may_be_run_stays_one() {
    let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    sandbox.git(&["switch", "-q", "side"]);
    sandbox.git(&["update-index", "--chmod=+x", "f"]);
    sandbox.git(&["commit", "-qm", "may be run"]);
    sandbox.git(&["reset", "-q", "--hard"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
    let output = sandbox.good("conflict-resolve", with("f", "union", json!({})));
    assert_eq!(output["resolved"]["mode"], "100755");
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "M  f");
    assert_eq!(sandbox.read("f"), "ours\ntheirs\n");
}

#[test]
fn a_folder_in_the_way_is_not_removed() {
    let mut sandbox = merged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    std::fs::remove_file(sandbox.dir().join("f")).unwrap();
    std::fs::create_dir(sandbox.dir().join("f")).unwrap();
    sandbox.write("f/x", "not known\n");
    let before = sandbox.git(&["ls-files", "--unmerged"]);
    for resolution in ["union", "ours", "delete"] {
        let failure = sandbox.bad("conflict-resolve", with("f", resolution, json!({})));
        assert_eq!((failure.code.name, failure.side_effect), ("path-not-a-file", SideEffect::None));
    }
    assert_eq!(sandbox.git(&["ls-files", "--unmerged"]), before);
    assert_eq!(sandbox.read("f/x"), "not known\n");
}

#[test]
fn a_link_leads_where_it_is_told_and_a_file_does_not_become_one() {
    let mut sandbox = diverged(&[("n", Some("ours\n"))], &[("n", Some("theirs\n"))]);
    let link = |sandbox: &Sandbox, branch: &str, to: &str| {
        sandbox.git(&["switch", "-q", branch]);
        std::os::unix::fs::symlink(to, sandbox.dir().join("link")).unwrap();
        sandbox.git(&["add", "link"]);
        sandbox.git(&["commit", "-qm", "link"]);
    };
    link(&sandbox, "side", "f");
    link(&sandbox, "agent-a1-t1", "g");
    sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
    let output = sandbox.good("conflict-resolve", with("link", "content", json!({"content": "n"})));
    assert_eq!(output["resolved"]["mode"], "120000");
    assert_eq!(std::fs::read_link(sandbox.dir().join("link")).unwrap().to_str(), Some("n"));
    let output = sandbox.good("conflict-resolve", with("n", "union", json!({})));
    assert_eq!(
        (output["resolved"]["mode"].as_str(), output["remaining"].as_u64()),
        (Some("100644"), Some(0))
    );
}

#[test]
fn the_conflict_as_it_was_is_kept_before_it_is_resolved() {
    let mut sandbox = merged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    let before = sandbox.git(&["ls-files", "--unmerged"]);
    let marked = sandbox.read("f");
    sandbox.good("conflict-resolve", with("f", "ours", json!({})));
    let kept = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/gitledger/"]);
    let find = |end: &str| kept.lines().find(|name| name.ends_with(end)).unwrap().to_owned();
    assert_eq!(sandbox.git(&["show", &format!("{}:f", find("/files"))]), marked.trim_end());
    let blob = std::process::Command::new("git")
        .args(["cat-file", "blob", &find("/index")])
        .current_dir(sandbox.dir())
        .output()
        .unwrap();
    std::fs::write(sandbox.dir().join(".git/index"), blob.stdout).unwrap();
    assert_eq!(sandbox.git(&["ls-files", "--unmerged"]), before);
}

#[test]
fn what_cannot_be_written_puts_the_conflict_back() {
    let mut sandbox = merged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
    let before = sandbox.git(&["ls-files", "--unmerged"]);
    // The contents are gone from the repository: what is staged is right, the file cannot be made of it.
    let oid = sandbox.git(&["rev-parse", ":3:f"]);
    let (folder, file) = oid.split_at(2);
    std::fs::remove_file(sandbox.dir().join(".git/objects").join(folder).join(file)).unwrap();
    let failure = sandbox.bad("conflict-resolve", with("f", "theirs", json!({})));
    assert_eq!(failure.side_effect, SideEffect::None, "{failure:?}");
    assert_eq!(sandbox.git(&["ls-files", "--unmerged"]), before);
}

#[test]
fn a_submodule_is_one_of_the_sides_commits_or_none() {
    for (resolution, left) in [("ours", "160000"), ("theirs", "160000"), ("delete", "")] {
        let mut sandbox = diverged(&[("f", Some("ours\n"))], &[("f", Some("theirs\n"))]);
        for (branch, commit) in [("side", "HEAD"), ("agent-a1-t1", "HEAD~1")] {
            sandbox.git(&["switch", "-q", branch]);
            let entry = format!("160000,{},sub", sandbox.git(&["rev-parse", commit]));
            sandbox.git(&["update-index", "--add", "--cacheinfo", &entry]);
            sandbox.git(&["commit", "-qm", "sub"]);
        }
        sandbox.bad("merge", json!({"sandbox_id": "s1", "source": "side", "on_conflict": "keep"}));
        let shown = sandbox.good("conflict-show", json!({"sandbox_id": "s1", "path": "sub"}));
        assert_eq!((&shown["no_hunks"], &shown["ours"]["mode"]), (&json!("not-shown"), &json!("160000")));
        let union = sandbox.bad("conflict-resolve", with("sub", "union", json!({})));
        assert_eq!(union.code.name, "no-hunks");
        sandbox.good("conflict-resolve", with("sub", resolution, json!({})));
        assert_eq!(sandbox.git(&["ls-files", "--stage", "sub"]).get(..6).unwrap_or_default(), left);
        assert_eq!(sandbox.git(&["ls-files", "--unmerged", "sub"]), "");
    }
}
