//! Other git services for agents.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use gitledger_events::operation::SideEffect;
use gitledger_operations::failure::classify_exit;
use gitledger_operations::{Exit, Plan, Step, table};
use gitledger_sandboxes::runner::encode;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git};
use crate::server::Server;

fn named(mut input: Value) -> Value {
    input["sandbox_id"] = json!("s1");
    input
}

fn clone(url: &str) -> Value {
    json!({"repo_url": url, "agent_id": "a1", "task_id": "t1", "branch": "main"})
}

/// Ours and theirs have both changed `f`; theirs is what `change` does with it.
fn diverged(server: &Server, change: impl Fn(&std::path::Path)) -> Sandbox {
    let mut sandbox = server.cloned();
    sandbox.write("f", "ours\n");
    sandbox.write("new", "ours\n");
    sandbox.good("commit", named(json!({"message": "ours", "all": true})));
    let desk = server.desk();
    git(desk.path(), &["checkout", "-q", "main"]);
    change(desk.path());
    git(desk.path(), &["add", "-A"]);
    git(desk.path(), &["commit", "-qm", "theirs"]);
    git(desk.path(), &["push", "-q", "origin", "main"]);
    sandbox
}

#[test]
fn e2b_takes_files_that_both_sides_added_for_staged_ones_and_ours_are_conflicts() {
    let server = Server::with_repository(None);
    let mut sandbox = diverged(&server, |desk| fs::write(desk.join("new"), "theirs\n").unwrap());
    let keep = json!({"auto_rebase": false, "on_conflict": "keep"});
    assert_eq!(sandbox.bad("pull", named(keep)).code.name, "merge-conflict");
    let status = sandbox.good("status", named(json!({})));
    let conflict = &status["conflicted"][0];
    assert_eq!((&conflict["path"], &conflict["kind"]), (&json!("new"), &json!("AA")));
    assert_eq!(status["staged"], json!([]));
}

#[test]
fn e2b_quotes_names_and_loses_a_detached_heads_commit_and_ours_come_as_they_are() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("caf\u{e9} \"x\".txt", "n");
    let head = sandbox.git(&["rev-parse", "HEAD~1"]);
    sandbox.git(&["checkout", "-q", "--detach", &head]);
    let status = sandbox.good("status", named(json!({})));
    assert_eq!(status["untracked"], json!(["caf\u{e9} \"x\".txt"]));
    assert_eq!((&status["detached"], &status["head"]), (&json!(true), &json!(head)));
}

#[test]
fn e2b_breaks_on_a_password_with_marks_of_urls_and_leaves_it_in_origin_and_ours_is_never_in_a_url() {
    let password = "p@ss/w:rd#1%41";
    let server = Server::with_repository(Some(password));
    let mut sandbox = server.cloned();
    sandbox.write("f", "mine\n");
    sandbox.good("push", named(json!({"commit_message": "mine"})));
    sandbox.good("pull", named(json!({})));
    assert_eq!(sandbox.git(&["config", "remote.origin.url"]), server.repo_url());
    assert!(!sandbox.read(".git/config").contains("rd#1"));
}

#[test]
fn e2b_lets_failed_authentication_of_a_push_or_pull_through_as_a_commands_error_and_ours_has_its_code() {
    let server = Server::with_repository(Some("right"));
    let mut sandbox = server.cloned();
    sandbox.token = Some("wrong".to_owned());
    for name in ["fetch", "pull", "push"] {
        let failure = sandbox.bad(name, named(json!({})));
        assert_eq!(failure.code.name, "auth-failed", "{name}");
    }
}

#[test]
fn e2b_takes_values_for_options_and_ours_are_refused() {
    let server = Server::with_repository(None);
    let remotes = server.sandbox().remotes;
    for (name, input) in [
        ("clone", clone("--upload-pack=touch x")),
        ("branch-create", named(json!({"name": "--orphan"}))),
        ("switch", named(json!({"branch": "--detach"}))),
        ("push", named(json!({"branch": "--mirror"}))),
        ("fetch", named(json!({"branch": "--upload-pack=x"}))),
        ("pull", named(json!({"branch": "+main"}))),
    ] {
        assert!(table::find(name).unwrap().ask(input, &remotes).is_err(), "{name}");
    }
}

#[test]
fn e2b_calls_a_folder_that_cannot_be_written_a_failed_login_and_ours_does_not() {
    for said in [
        "fatal: Unable to create '/home/user/workspace/.git/index.lock': Permission denied",
        "error: open(\"f\"): Permission denied\nerror: unable to index file 'f'",
        "fatal: could not create work tree dir 'x': Permission denied",
    ] {
        let exit = Exit { code: 128, stderr: said.into(), ..Exit::default() };
        let code = classify_exit(&exit, SideEffect::None).code;
        assert!(!code.name.starts_with("auth") && code.name != "permission-denied", "{said}: {}", code.name);
    }
}

#[test]
fn cloudflare_has_one_code_for_all_that_exits_with_128_and_ours_tells_them_apart() {
    let server = Server::with_repository(Some("right"));
    let clone_with = |token: Option<&str>, url: &str| {
        let mut sandbox = server.sandbox();
        sandbox.token = token.map(str::to_owned);
        sandbox.bad("clone", clone(url)).code.name
    };
    assert_eq!(clone_with(None, &server.repo_url()), "auth-required");
    assert_eq!(clone_with(Some("wrong"), &server.repo_url()), "auth-failed");
    assert_eq!(clone_with(Some("right"), &format!("{}a/none.git", server.url)), "repository-not-found");
    let mut sandbox = server.sandbox();
    sandbox.remotes =
        gitledger_operations::Remotes::allowing("http://127.0.0.1:1/,http://x.invalid/").unwrap();
    assert_eq!(sandbox.bad("clone", clone("http://127.0.0.1:1/a/b")).code.name, "network-connect");
    assert_eq!(sandbox.bad("clone", clone("http://x.invalid/a/b")).code.name, "network-dns");
}

#[test]
fn cloudflare_always_leaves_files_out_and_cannot_fetch_them_later_and_ours_has_all_unless_asked() {
    let server = Server::with_repository(Some("right"));
    server.push_by_another("main", "f", "new\n");
    let old = json!({"path": "f", "revision": "old"});
    let mut sandbox = server.cloned();
    sandbox.git(&["branch", "old", "HEAD~1"]);
    assert_eq!(sandbox.good("file-read", named(old.clone()))["content"], "1\n2\n3\n");
    let mut input = clone(&server.repo_url());
    input["filter"] = json!("blob:none");
    let mut sandbox = server.sandbox();
    sandbox.good("clone", input);
    sandbox.git(&["branch", "old", "HEAD~1"]);
    assert_eq!(sandbox.bad("file-read", named(old)).code.name, "lazy-fetch-failed");
}

#[test]
fn cyanheads_reads_names_of_conflicts_from_sentences_and_calls_it_success_and_ours_come_from_the_index() {
    let server = Server::with_repository(None);
    let mut sandbox = diverged(&server, |desk| fs::remove_file(desk.join("f")).unwrap());
    let failure = sandbox.bad("pull", named(json!({"auto_rebase": false})));
    assert_eq!(failure.code.name, "merge-conflict");
    let conflict = failure.output.unwrap()["conflicts"][0].clone();
    assert_eq!((&conflict["path"], &conflict["kind"]), (&json!("f"), &json!("UD")));
}

#[test]
fn cyanheads_lets_the_hosts_language_and_prompts_through_and_ours_starts_from_nothing() {
    let plan = Plan {
        steps: vec![Step::new(".", ["env"])],
        timeout: std::time::Duration::from_secs(20),
        output_bytes: 1 << 20,
        ..Plan::default()
    };
    let start = encode(&plan, "0123456789abcdef0123456789abcdef", "test").unwrap();
    let host =
        [("LC_ALL", "de_DE.UTF-8"), ("LANGUAGE", "de"), ("GIT_TERMINAL_PROMPT", "1"), ("GIT_SSH", "x")];
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(&start.cmd);
    command.args(&start.args).envs(host).envs(start.envs).current_dir(home.path());
    let output = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    assert!(output.contains("\nLC_ALL=C\n") && output.contains("\nGIT_TERMINAL_PROMPT=0\n"), "{output}");
    assert!(!output.contains("LANGUAGE=") && !output.contains("GIT_SSH="), "{output}");
}

#[test]
fn cyanheads_clones_files_and_folders_and_ours_clones_from_remotes_only() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    let remotes = server.sandbox().remotes;
    for url in [bare.to_str().unwrap(), &format!("file://{}", bare.display()), "../r.git", "r.git"] {
        assert!(table::find("clone").unwrap().ask(clone(url), &remotes).is_err(), "{url}");
    }
}

#[test]
fn openhands_puts_a_branchs_name_into_a_shell_and_the_token_into_origin_and_ours_does_neither() {
    let server = Server::with_repository(Some("s3cret-token"));
    let branch = "x;touch${IFS}canary;$(touch${IFS}canary)";
    git(&server.bare("a/r.git"), &["update-ref", &format!("refs/heads/{branch}"), "refs/heads/main"]);
    let mut sandbox = server.cloned();
    sandbox.good("switch", named(json!({"branch": branch, "create": true})));
    sandbox.good("pull", named(json!({"branch": branch})));
    sandbox.good("push", named(json!({"branch": branch})));
    assert!(!sandbox.dir().join("canary").exists() && !sandbox.home.path().join("canary").exists());
    assert!(!sandbox.read(".git/config").contains("s3cret-token"));
}

#[test]
fn mcp_server_git_answers_with_any_number_of_bytes_and_anybodys_folder_and_ours_has_a_budget_and_one_workspace()
 {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..40 {
        sandbox.write(&format!("file-{number}"), &format!("line of {number}\n").repeat(500));
    }
    sandbox.git(&["add", "."]);
    for (name, input) in [("diff", json!({})), ("status", json!({}))] {
        let answer = sandbox.good(name, named(input));
        assert!(answer.to_string().len() <= 33 << 10, "{name}");
    }
    let diff = sandbox.good("diff", named(json!({})));
    let shown = diff["files"].as_array().unwrap().len();
    assert_eq!(diff["truncated"], true);
    assert_eq!(shown + diff["omitted"].as_array().unwrap().len(), 40);
    for (name, input) in [
        ("status", json!({"repo_path": "/etc"})),
        ("diff", json!({"files": ["../../etc/passwd"]})),
        ("file-read", json!({"path": "/etc/passwd"})),
    ] {
        assert!(table::find(name).unwrap().ask(named(input), &sandbox.remotes).is_err(), "{name}");
    }
}

#[test]
fn daytona_reads_the_whole_history_into_memory_and_ours_asks_git_for_one_page() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    for number in 0..30 {
        sandbox.git(&["commit", "-q", "--allow-empty", "-m", &number.to_string()]);
    }
    let log = sandbox.good("log", named(json!({"limit": 5})));
    assert_eq!((log["commits"].as_array().unwrap().len(), &log["truncated"]), (5, &json!(true)));
    let argv: Vec<&String> = sandbox.plans[0].steps.iter().flat_map(|step| &step.argv).collect();
    assert!(argv.iter().any(|argument| argument.starts_with("--max-count=6")), "{argv:?}");
}

#[test]
fn github_mcp_cannot_push_modes_and_makes_other_commits_than_the_local_ones_and_ours_pushes_what_is_there() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    sandbox.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(sandbox.dir().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write("large", &"0123456789abcdef".repeat(40_000));
    let pushed = sandbox.good("push", named(json!({"commit_message": "run"})));
    let head = sandbox.git(&["rev-parse", "HEAD"]);
    assert_eq!(pushed["commit_hash"], json!(head));
    assert_eq!(server.tip("agent-a1-t1"), head);
    let bare = server.bare("a/r.git");
    assert!(git(&bare, &["ls-tree", &head, "run.sh"]).starts_with("100755 "));
    assert_eq!(git(&bare, &["cat-file", "-s", &format!("{head}:large")]), "640000");
}
