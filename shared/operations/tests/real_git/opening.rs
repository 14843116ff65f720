//! `clone` and `fetch`.

use serde_json::json;

use crate::sandbox::git;
use crate::server::Server;

fn input(server: &Server, more: serde_json::Value) -> serde_json::Value {
    let mut input = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[test]
fn a_clone_stands_on_the_agents_branch_at_the_default_branchs_tip() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.sandbox();
    let output = sandbox.good("clone", input(&server, json!({})));
    assert_eq!(output["agent_branch"], "agent-a1-t1");
    assert_eq!(output["base_branch"], "main");
    assert_eq!(output["head"], server.tip("main"));
    assert_eq!(output["shallow"], false);
    assert_eq!(output["workspace_path"], sandbox.dir().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
    assert_eq!(sandbox.plans.len(), 2);
    assert_eq!(sandbox.git(&["branch", "--show-current"]), "agent-a1-t1");
    // The credential is nowhere.
    let mut all = String::new();
    walk(sandbox.home.path(), &mut all);
    assert!(!all.contains("s3cret"));
    assert!(all.contains(&server.repo_url()));
}

fn walk(dir: &std::path::Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), all);
        } else {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn without_a_token_or_with_a_wrong_one_a_clone_fails_with_its_own_code() {
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.sandbox();
    sandbox.token = None;
    assert_eq!(sandbox.bad("clone", input(&server, json!({}))).code.name, "auth-required");
    sandbox.token = Some("wrong".to_owned());
    assert_eq!(sandbox.bad("clone", input(&server, json!({"branch": "main"}))).code.name, "auth-failed");
}

#[test]
fn a_second_clone_resets_what_was_left_and_brings_what_is_new() {
    let server = Server::with_repository(None);
    git(&server.bare("a/r.git"), &["branch", "old", "main"]);
    let mut sandbox = server.cloned();
    server.push_by_another("main", "new", "n\n");
    git(&server.bare("a/r.git"), &["branch", "-D", "old"]);
    sandbox.git(&["checkout", "-q", "-b", "side"]);
    sandbox.write("f", "side\n");
    sandbox.git(&["commit", "-qam", "side"]);
    sandbox.git(&["checkout", "-q", "agent-a1-t1"]);
    sandbox.write("f", "ours\n");
    sandbox.git(&["commit", "-qam", "ours"]);
    // A merge with a conflict, a file nobody knows, and a configuration that would redirect.
    let _ = std::process::Command::new("git").args(["merge", "side"]).current_dir(sandbox.dir()).output();
    sandbox.write("junk", "j");
    sandbox.git(&["config", "url.http://127.0.0.1:1/.insteadOf", &server.url]);
    sandbox.good("clone", input(&server, json!({"branch": "main"})));
    let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
    assert_eq!(status["clean"], true, "{status}");
    assert_eq!(sandbox.read("new"), "n\n");
    assert_eq!(sandbox.read("f"), "1\n2\n3\n");
    assert!(!sandbox.dir().join(".git/MERGE_HEAD").exists());
    assert_eq!(
        sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/remotes"]),
        "refs/remotes/origin/main"
    );
    assert!(!sandbox.read(".git/config").contains("insteadOf"));
}

#[test]
fn an_empty_repository_is_cloned_and_the_first_push_makes_its_branch() {
    let server = Server::start(None);
    server.empty_repository("a/r.git");
    for more in [json!({}), json!({"branch": "main"}), json!({"branch": "main", "shallow": true})] {
        let mut sandbox = server.sandbox();
        let output = sandbox.good("clone", input(&server, more));
        assert_eq!(output["empty_repository"], true);
        assert_eq!(output["base_branch"], "main");
        assert_eq!(sandbox.good("log", json!({"sandbox_id": "s1"}))["commits"], json!([]));
        assert_eq!(sandbox.good("diff", json!({"sandbox_id": "s1"}))["files"], json!([]));
        assert_eq!(sandbox.bad("push", json!({"sandbox_id": "s1"})).code.name, "empty-repository");
    }
    let mut sandbox = server.sandbox();
    sandbox.good("clone", input(&server, json!({})));
    sandbox.write("f", "1\n");
    let output = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "first"}));
    assert_eq!(server.tip("agent-a1-t1"), output["commit_hash"].as_str().unwrap());
}

#[test]
fn a_branch_that_is_not_there_is_told_from_an_empty_repository() {
    let server = Server::with_repository(None);
    for more in [json!({"branch": "nope"}), json!({"branch": "nope", "shallow": true})] {
        let failure = server.sandbox().bad("clone", input(&server, more));
        assert_eq!(failure.code.name, "ref-not-found");
    }
    let mut elsewhere = input(&server, json!({}));
    elsewhere["repo_url"] = json!(format!("{}a/none.git", server.url));
    assert_eq!(server.sandbox().bad("clone", elsewhere).code.name, "repository-not-found");
}

#[test]
fn a_shallow_clone_can_pull_push_and_be_made_whole() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    let output = sandbox.good("clone", input(&server, json!({"shallow": true})));
    assert_eq!(
        (output["shallow"].as_bool(), sandbox.git(&["rev-list", "--count", "HEAD"])),
        (Some(true), "1".into())
    );
    server.push_by_another("main", "new", "n\n");
    sandbox.write("mine", "m\n");
    sandbox.good("commit", json!({"sandbox_id": "s1", "message": "mine", "all": true}));
    let pulled = sandbox.good("pull", json!({"sandbox_id": "s1"}));
    assert_eq!((pulled["updated"].as_bool(), pulled["ahead"].as_u64()), (Some(true), Some(1)));
    sandbox.good("push", json!({"sandbox_id": "s1"}));
    sandbox.good("fetch", json!({"sandbox_id": "s1", "unshallow": true}));
    assert_eq!(sandbox.git(&["rev-parse", "--is-shallow-repository"]), "false");
    assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]), "4");
}

#[test]
fn a_tag_or_a_commit_can_be_the_start() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    git(&bare, &["tag", "-m", "one", "v1", "main~1"]);
    let first = git(&bare, &["rev-parse", "main~1"]);
    for more in [
        json!({"revision": "v1"}),
        json!({"revision": first}),
        json!({"revision": first, "depth": 1}),
        json!({"revision": "v1", "shallow": true}),
    ] {
        let output = server.sandbox().good("clone", input(&server, more.clone()));
        assert_eq!(output["head"], first, "{more}");
    }
}

#[test]
fn a_filtered_clone_of_a_private_repository_has_its_files() {
    for filter in ["blob:none", "tree:0", "blob:limit=1k"] {
        let server = Server::with_repository(Some("s3cret"));
        let mut sandbox = server.sandbox();
        sandbox.good("clone", input(&server, json!({"filter": filter})));
        assert_eq!(sandbox.read("f"), "1\n2\n3\n");
        let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
        assert_eq!(status["clean"], true, "{filter}: {status}");
        sandbox.write("f", "1\n2\n3\n4\n");
        sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "more"}));
        server.push_by_another("main", "new", "n\n");
        sandbox.good("pull", json!({"sandbox_id": "s1"}));
    }
}

#[test]
fn a_filtered_clone_fetches_what_a_rebase_needs_with_its_credential() {
    for filter in ["blob:none", "tree:0"] {
        let server = Server::with_repository(Some("s3cret"));
        let lines: Vec<_> = (0..400).map(|number| format!("line {number}")).collect();
        let lines = lines.join("\n") + "\n";
        server.push_by_another("main", "long", &lines);
        server.push_by_another("main", "long", &lines.replace("line 1\n", "line one\n"));
        let mut sandbox = server.sandbox();
        let first = crate::sandbox::git(&server.bare("a/r.git"), &["rev-parse", "main~1"]);
        sandbox.good("clone", input(&server, json!({"filter": filter, "revision": first})));
        sandbox.write("long", &lines.replace("line 200\n", "line two hundred\n"));
        let pushed = sandbox.good("push", json!({"sandbox_id": "s1", "commit_message": "mine"}));
        assert_eq!(pushed["pushed"], true);
        let pulled = sandbox.good("pull", json!({"sandbox_id": "s1"}));
        assert_eq!((pulled["updated"].as_bool(), sandbox.plans.len()), (Some(true), 2));
        assert!(sandbox.read("long").contains("line one\n"));
        assert!(sandbox.read("long").contains("line two hundred\n"));
        server.push_by_another("agent-a1-t1", "long", &lines.replace("line 399\n", "end\n"));
        // The remote's branch and ours have parted by the rebase, and both are in the result.
        sandbox.good("push", json!({"sandbox_id": "s1"}));
        assert!(sandbox.read("long").contains("end\n"));
        assert_eq!(sandbox.git(&["rev-parse", "HEAD"]), server.tip("agent-a1-t1"));
    }
}

#[test]
fn a_fetch_tells_what_moved_and_prunes_only_when_asked() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    git(&bare, &["branch", "old", "main"]);
    let mut sandbox = server.cloned();
    server.push_by_another("main", "new", "n\n");
    git(&bare, &["branch", "-m", "old", "young"]);
    git(&bare, &["tag", "v1", "main"]);
    let output = sandbox.good("fetch", json!({"sandbox_id": "s1"}));
    let names = |output: &serde_json::Value| -> Vec<String> {
        let all = output["refs_changed"].as_array().unwrap().iter();
        all.map(|change| change["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&output), ["refs/remotes/origin/main", "refs/remotes/origin/young", "refs/tags/v1"]);
    let output = sandbox.good("fetch", json!({"sandbox_id": "s1", "prune": true}));
    assert_eq!(names(&output), ["refs/remotes/origin/old"]);
    assert_eq!(sandbox.plans.len(), 1);
}

#[test]
fn a_token_does_not_follow_a_redirect() {
    let evil = Server::with_repository(None);
    let server = Server::with_repository(Some("s3cret"));
    let mut sandbox = server.cloned();
    server.redirect_to(evil.url.trim_end_matches('/'));
    assert_eq!(sandbox.bad("fetch", json!({"sandbox_id": "s1"})).code.name, "repository-moved");
    assert!(evil.requests().is_empty());
}

#[test]
fn names_that_look_like_options_come_back_from_a_remote_and_do_no_harm() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    for name in ["refs/heads/--upload-pack=x", "refs/heads/-x", "refs/tags/--output=x"] {
        git(&bare, &["update-ref", name, "refs/heads/main"]);
    }
    let mut sandbox = server.cloned();
    let list = sandbox.good("branch-list", json!({"sandbox_id": "s1", "remote": true}));
    assert_eq!(list["branches"].as_array().unwrap().len(), 3);
    git(&bare, &["symbolic-ref", "HEAD", "refs/heads/--upload-pack=x"]);
    assert_eq!(server.sandbox().bad("clone", input(&server, json!({}))).code.name, "invalid-ref");
}
