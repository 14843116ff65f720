//! The original: its defects 11 to 22, by number.

use gitledger_events::Fact;
use gitledger_operations::table;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git};
use crate::server::Server;

const MINE: &str = "agent-a1-t1";

fn named(mut input: Value) -> Value {
    input["sandbox_id"] = json!("s1");
    input
}

fn push(sandbox: &mut Sandbox, file: &str, text: &str) -> Value {
    sandbox.write(file, text);
    sandbox.good("push", named(json!({"commit_message": file})))
}

#[test]
fn defect_11_a_conflict_left_the_workspace_in_a_rebase_and_ours_is_as_it_was_and_can_go_on() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "f", "first\n");
    server.push_by_another(MINE, "f", "theirs\n");
    sandbox.write("f", "mine\n");
    for _ in 0..2 {
        let failure = sandbox.bad("push", named(json!({"commit_message": "mine"})));
        assert_eq!(failure.code.name, "merge-conflict");
        let status = sandbox.good("status", named(json!({})));
        assert_eq!((&status["detached"], &status["in_progress"]), (&json!(false), &Value::Null));
        assert_eq!(status["clean"], true);
    }
    assert_eq!(sandbox.read("f"), "mine\n");
}

#[test]
fn defect_12_a_second_push_failed_once_main_had_moved_and_ours_lands() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..3 {
        let output = push(&mut sandbox, "mine", &format!("{number}\n"));
        assert_eq!((&output["pushed"], &output["attempt"]), (&json!(true), &json!(1)));
        assert_eq!(output["commit_hash"], json!(server.tip(MINE)));
        server.push_by_another("main", "theirs", &format!("{number}\n"));
    }
}

#[test]
fn defect_13_a_pull_that_failed_was_ignored_and_the_push_went_on_and_ours_sends_nothing() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "mine", "1\n");
    server.push_by_another(MINE, "theirs", "t\n");
    let theirs = server.tip(MINE);
    sandbox.write("mine", "2\n");
    sandbox.good("commit", named(json!({"message": "two", "all": true})));
    sandbox.write("f", "not committed\n");
    let failure = sandbox.bad("push", named(json!({})));
    assert_eq!(failure.code.name, "local-changes-overwritten");
    assert_eq!(server.tip(MINE), theirs);
    assert!(!sandbox.facts.iter().any(|fact| matches!(fact, Fact::PushPrepared(_))), "{:?}", sandbox.facts);
}

#[test]
fn defect_14_the_answers_commit_was_no_longer_on_the_branch_and_ours_is_its_tip() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "mine", "1\n");
    server.push_by_another(MINE, "theirs", "t\n");
    let output = push(&mut sandbox, "mine", "2\n");
    assert_eq!(output["rebased"], true);
    assert_eq!(output["commit_hash"], json!(server.tip(MINE)));
    assert_eq!(output["commit_hash"], json!(sandbox.git(&["rev-parse", "HEAD"])));
}

#[test]
fn defect_15_a_pull_always_took_main_and_ours_takes_the_branch_that_was_cloned() {
    let server = Server::with_repository(None);
    git(&server.bare("a/r.git"), &["branch", "dev", "main"]);
    let mut sandbox = server.sandbox();
    let input = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "branch": "dev"});
    sandbox.good("clone", input);
    server.push_by_another("main", "of-main", "m\n");
    server.push_by_another("dev", "of-dev", "d\n");
    sandbox.good("pull", named(json!({})));
    assert_eq!(sandbox.read("of-dev"), "d\n");
    assert!(!sandbox.dir().join("of-main").exists());
}

#[test]
fn defect_16_a_status_cut_the_first_name_and_knew_no_deletion_rename_or_conflict_and_ours_knows_each() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    push(&mut sandbox, "a.txt", "1\n");
    sandbox.write("a.txt", "2\n");
    sandbox.write("b \"c\".txt", "n");
    std::fs::remove_file(sandbox.dir().join("f")).unwrap();
    sandbox.git(&["mv", "g", "h i"]);
    sandbox.git(&["branch", "-q", "--set-upstream-to=origin/main"]);
    let status = sandbox.good("status", named(json!({})));
    assert_eq!((&status["modified"], &status["deleted"]), (&json!(["a.txt"]), &json!(["f"])));
    assert_eq!(status["renamed"], json!([{"path": "h i", "orig_path": "g"}]));
    assert_eq!((&status["staged"], &status["untracked"]), (&json!(["h i"]), &json!(["b \"c\".txt"])));
    assert_eq!((&status["ahead"], &status["behind"]), (&json!(1), &json!(0)));
}

#[test]
fn defect_17_a_diff_did_not_show_what_is_staged_and_had_no_limit_and_ours_shows_both_within_one() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("f", "staged\n");
    sandbox.git(&["add", "f"]);
    sandbox.write("g", &"not staged\n".repeat(20_000));
    let diff = sandbox.good("diff", named(json!({})));
    assert_eq!((&diff["files_total"], &diff["truncated"]), (&json!(2), &json!(true)));
    assert!(diff.to_string().len() <= 33 << 10 && diff["diff"].as_str().unwrap().contains("+staged"));
}

#[test]
fn defect_18_a_shallow_clone_could_not_be_pulled_and_ours_can() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    let input = json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "shallow": true});
    sandbox.good("clone", input);
    push(&mut sandbox, "mine", "m\n");
    server.push_by_another("main", "theirs", "t\n");
    assert_eq!(sandbox.good("pull", named(json!({})))["updated"], true);
    assert_eq!((sandbox.read("mine"), sandbox.read("theirs")), ("m\n".to_owned(), "t\n".to_owned()));
}

#[test]
fn defect_19_a_failed_clone_left_a_sandbox_that_nobody_could_name_and_ours_leaves_nothing_and_can_be_tried_again()
 {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    let mut input =
        json!({"repo_url": server.repo_url(), "agent_id": "a1", "task_id": "t1", "branch": "nope"});
    assert_eq!(sandbox.bad("clone", input.clone()).code.name, "ref-not-found");
    assert_eq!(sandbox.bad("status", named(json!({}))).code.name, "not-a-repository");
    input["branch"] = json!("main");
    sandbox.good("clone", input);
}

#[test]
fn defect_20_what_can_never_succeed_was_tried_three_times_and_ours_is_tried_once() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let hook = server.bare("a/r.git").join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho no >&2\nexit 1\n").unwrap();
    git(&server.bare("a/r.git"), &["config", "core.hooksPath", "hooks"]);
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    sandbox.write("f", "x\n");
    let failure = sandbox.bad("push", named(json!({"commit_message": "x", "max_attempts": 3})));
    assert_eq!((failure.code.name, failure.code.retryable), ("hook-declined", false));
    let posts = server
        .requests()
        .iter()
        .filter(|(method, path, _)| method == "POST" && path.ends_with("receive-pack"))
        .count();
    assert_eq!(posts, 1);
}

#[test]
fn defect_21_every_value_was_part_of_a_shells_line_and_ours_is_refused_or_a_value() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    let evil = "x;touch canary;$(touch canary)";
    let remotes = sandbox.remotes.clone();
    for (name, input) in [
        (
            "clone",
            json!({"repo_url": format!("{}a/r.git;touch canary", server.url), "agent_id": "a", "task_id": "t"}),
        ),
        ("clone", json!({"repo_url": server.repo_url(), "agent_id": evil, "task_id": "t"})),
        ("clone", json!({"repo_url": server.repo_url(), "agent_id": "a", "task_id": evil})),
        ("clone", json!({"repo_url": server.repo_url(), "agent_id": "a", "task_id": "t", "branch": evil})),
        ("pull", named(json!({"branch": evil}))),
        ("push", named(json!({"branch": evil}))),
        ("switch", named(json!({"branch": evil}))),
    ] {
        assert!(table::find(name).unwrap().ask(input, &remotes).is_err(), "{name}");
    }
    sandbox.write(evil, "a file of this name\n");
    sandbox.good("diff", named(json!({"files": [evil]})));
    sandbox.good("add", named(json!({"files": [evil]})));
    sandbox.good("push", named(json!({"commit_message": evil})));
    assert_eq!(sandbox.git(&["log", "-1", "--format=%s"]), evil);
    assert!(!sandbox.dir().join("canary").exists() && !sandbox.home.path().join("canary").exists());
}

#[test]
fn defect_22_the_token_was_in_every_environment_and_went_to_any_host_and_ours_is_in_none_and_goes_to_its_own()
{
    let (server, stranger) =
        (Server::with_repository(Some("s3cret-token")), Server::with_repository(Some("other")));
    let mut sandbox = server.cloned();
    // A submodule and a second remote somewhere else.
    let modules = format!("[submodule \"s\"]\n\tpath = s\n\turl = {}\n", stranger.repo_url());
    sandbox.write(".gitmodules", &modules);
    sandbox.git(&["config", "remote.origin.url", &stranger.repo_url()]);
    sandbox.git(&["config", "fetch.recurseSubmodules", "true"]);
    for (name, input) in [("fetch", json!({})), ("pull", json!({})), ("push", json!({"commit_message": "x"}))]
    {
        sandbox.write("mine", name);
        sandbox.good("add", named(json!({"files": ["mine", ".gitmodules"]})));
        sandbox.good("commit", named(json!({"message": name})));
        sandbox.good(name, named(input));
        let plans = format!("{:?}", sandbox.plans);
        assert!(!plans.contains("s3cret-token"), "{name}");
    }
    assert!(stranger.requests().is_empty());
    assert!(server.requests().iter().any(|(_, _, header)| header.is_some()));
}
