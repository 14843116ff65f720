//! `submodule-update`.

use gitledger_events::operation::SideEffect;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git};
use crate::server::Server;

/// A second repository on the server, and its first commit.
fn library(server: &Server) -> String {
    server.empty_repository("a/lib.git");
    let desk = tempfile::tempdir().unwrap();
    git(desk.path(), &["init", "-q", "--initial-branch=main"]);
    std::fs::write(desk.path().join("code"), "1\n").unwrap();
    git(desk.path(), &["add", "."]);
    git(desk.path(), &["commit", "-qm", "one"]);
    git(desk.path(), &["push", "-q", server.bare("a/lib.git").to_str().unwrap(), "main"]);
    git(desk.path(), &["rev-parse", "HEAD"])
}

/// Stages a `.gitmodules` and a submodule `vendor/lib` at this commit.
fn records(sandbox: &Sandbox, gitmodules: &str, commit: &str) {
    sandbox.write(".gitmodules", gitmodules);
    sandbox.git(&["add", ".gitmodules"]);
    sandbox.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},vendor/lib")]);
}

fn section(url: &str) -> String {
    format!("[submodule \"vendor/lib\"]\n\tpath = vendor/lib\n\turl = {url}\n")
}

fn outcome(output: &Value) -> &Value {
    &output["submodules"][0]["outcome"]
}

#[test]
fn a_submodule_comes_to_its_recorded_commit_with_the_credential_of_its_host() {
    let server = Server::with_repository(Some("s3cret"));
    let commit = library(&server);
    let mut sandbox = server.cloned();
    records(&sandbox, &section("../lib.git"), &commit);
    let update = json!({"sandbox_id": "s1"});
    let output = sandbox.good("submodule-update", update.clone());
    assert_eq!(
        output["submodules"],
        json!([{
            "path": "vendor/lib", "outcome": "updated", "commit": commit,
            "url": format!("{}a/lib.git", server.url),
        }])
    );
    assert_eq!(sandbox.read("vendor/lib/code"), "1\n");
    // It is a submodule as git knows it, and nothing of the workspace has changed.
    assert!(sandbox.git(&["submodule", "status"]).starts_with(&format!("{commit} vendor/lib")));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "A  .gitmodules\nA  vendor/lib");
    assert_eq!(outcome(&sandbox.good("submodule-update", update.clone())), "unchanged");
    // Files that are gone altogether come back; work that is not committed stays.
    std::fs::remove_dir_all(sandbox.dir().join("vendor")).unwrap();
    sandbox.good("submodule-update", update.clone());
    assert_eq!(sandbox.read("vendor/lib/code"), "1\n");
    sandbox.write("vendor/lib/code", "changed\n");
    crate::server::push_by_another(&server.bare("a/lib.git"), "main", "code", "2\n");
    let second = git(&server.bare("a/lib.git"), &["rev-parse", "main"]);
    sandbox.git(&["update-index", "--cacheinfo", &format!("160000,{second},vendor/lib")]);
    let failure = sandbox.bad("submodule-update", update.clone());
    assert_eq!((failure.code.name, failure.side_effect), ("submodule-error", SideEffect::None));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "local-changes-overwritten");
    assert_eq!(sandbox.read("vendor/lib/code"), "changed\n");
    sandbox.write("vendor/lib/code", "1\n");
    assert_eq!(outcome(&sandbox.good("submodule-update", update)), "updated");
    assert_eq!(sandbox.read("vendor/lib/code"), "2\n");
    assert!(!format!("{:?}", sandbox.plans).contains("s3cret"));
}

#[test]
fn only_the_last_commits_are_fetched_if_asked_and_what_is_not_there_is_told() {
    let server = Server::with_repository(None);
    library(&server);
    crate::server::push_by_another(&server.bare("a/lib.git"), "main", "code", "2\n");
    let second = git(&server.bare("a/lib.git"), &["rev-parse", "main"]);
    let mut sandbox = server.cloned();
    records(&sandbox, &section("../lib.git"), &second);
    let paths = json!({"sandbox_id": "s1", "paths": ["vendor/lib", "f"], "depth": 1});
    let failure = sandbox.bad("submodule-update", paths);
    assert_eq!(failure.side_effect, SideEffect::Applied);
    let output = failure.output.unwrap();
    assert_eq!(
        (outcome(&output), &output["submodules"][1]["code"]),
        (&json!("updated"), &json!("path-not-found"))
    );
    let count = git(&sandbox.dir().join("vendor/lib"), &["rev-list", "--count", "HEAD"]);
    assert_eq!(count, "1");
    records(&sandbox, &section("../lib.git"), &"1".repeat(40));
    let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "ref-not-found");
}

#[test]
fn a_hostile_gitmodules_runs_nothing_and_reaches_nothing() {
    let server = Server::with_repository(None);
    let commit = library(&server);
    let mut sandbox = server.cloned();
    let trap = sandbox.home.path().join("sprung");
    let sprung = trap.to_str().unwrap().to_owned();
    let bare = server.bare("a/lib.git");
    let bare = bare.to_str().unwrap();
    let urls = [
        format!("-u{sprung}"),
        format!("--upload-pack=touch {sprung}"),
        format!("\"ext::sh -c 'touch {sprung}'\""),
        format!("file://{bare}"),
        bare.to_owned(),
        format!("../../../../..{bare}"),
        "ssh://-oProxyCommand=x/y".to_owned(),
        format!("http://u:p@{}", server.url.trim_start_matches("http://")),
    ];
    let naive = [
        "-c",
        "protocol.ext.allow=always",
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "update",
        "--init",
    ];
    for url in urls {
        records(&sandbox, &section(&url), &commit);
        let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
        assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "transport-forbidden", "{url}");
        assert!(sandbox.plans.iter().all(|plan| plan.remote.is_none()), "{url}: nothing was asked");
        assert!(!trap.exists() && !sandbox.dir().join("vendor/lib/code").exists(), "{url}");
    }
    // The trap is one: git itself springs it.
    records(&sandbox, &section(&format!("\"ext::sh -c touch% {sprung}\"")), &commit);
    let _ = std::process::Command::new("git").args(naive).current_dir(sandbox.dir()).output();
    assert!(trap.exists());

    let good = section("../lib.git");
    records(&sandbox, &format!("{good}\tupdate = !touch {sprung}\n"), &commit);
    let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "submodule-error");
    records(&sandbox, &good.replace("\"vendor/lib\"", "\"../../../x\""), &commit);
    let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "submodule-error");
}

#[test]
fn a_symbolic_link_in_the_path_leads_nowhere() {
    let server = Server::with_repository(None);
    let commit = library(&server);
    let mut sandbox = server.cloned();
    records(&sandbox, &section("../lib.git"), &commit);
    let _ = std::fs::remove_dir_all(sandbox.dir().join("vendor"));
    std::os::unix::fs::symlink(".git", sandbox.dir().join("vendor")).unwrap();
    let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "path-outside-repo");
    assert!(!sandbox.dir().join(".git/lib").exists());
    // Nor is a repository of its own taken over.
    std::fs::remove_file(sandbox.dir().join("vendor")).unwrap();
    std::fs::create_dir_all(sandbox.dir().join("vendor/lib")).unwrap();
    git(&sandbox.dir().join("vendor/lib"), &["init", "-q"]);
    let failure = sandbox.bad("submodule-update", json!({"sandbox_id": "s1"}));
    assert_eq!(failure.output.unwrap()["submodules"][0]["code"], "path-outside-repo");
}
