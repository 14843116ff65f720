//! `ls-remote`.

use serde_json::{Value, json};

use crate::sandbox::git;
use crate::server::Server;

#[test]
fn branches_tags_and_the_default_branch_are_told_without_a_workspace() {
    let server = Server::with_repository(Some("s3cret"));
    let bare = server.bare("a/r.git");
    git(&bare, &["tag", "-a", "-m", "one", "v1", "main"]);
    let mut sandbox = server.sandbox();
    let output = sandbox.good("ls-remote", json!({"sandbox_id": "s1", "repo_url": server.repo_url()}));
    let (tip, tag) = (server.tip("main"), git(&bare, &["rev-parse", "v1"]));
    assert_eq!(
        output["refs"],
        json!([{"name": "refs/heads/main", "oid": tip}, {"name": "refs/tags/v1", "oid": tag, "peeled": tip}])
    );
    assert_eq!((&output["default_branch"], &output["head"]), (&json!("main"), &json!(tip)));
    assert_eq!((sandbox.plans.len(), sandbox.plans[0].writes), (1, false));
    // Without a URL it is the workspace's remote, and there is none.
    assert_eq!(sandbox.bad("ls-remote", json!({"sandbox_id": "s1"})).code.name, "not-a-repository");
    let mut sandbox = server.cloned();
    let some = sandbox.good("ls-remote", json!({"sandbox_id": "s1", "patterns": ["refs/tags/*"]}));
    assert_eq!((some["total"].as_u64(), &some["default_branch"]), (Some(1), &json!("main")));
}

#[test]
fn pages_together_are_exactly_the_whole_and_a_change_in_between_is_told() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    let tip = server.tip("main");
    let many = (0..60).fold(String::new(), |all, n| all + &format!("create refs/heads/b{n:02} {tip}\n"));
    std::fs::write(bare.join("many"), many).unwrap();
    git(&bare, &["for-each-ref"]);
    let create = std::process::Command::new("git")
        .args(["update-ref", "--stdin"])
        .current_dir(&bare)
        .stdin(std::fs::File::open(bare.join("many")).unwrap())
        .status();
    assert!(create.unwrap().success());
    let mut sandbox = server.sandbox();
    let mut ask = |cursor: &Value| {
        let output = json!({"max_bytes": 2048, "cursor": cursor});
        let input = json!({"sandbox_id": "s1", "repo_url": server.repo_url(), "output": output});
        sandbox.ask("ls-remote", input)
    };
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = ask(&cursor).unwrap();
        assert!(page.to_string().len() <= 2300, "{}", page.to_string().len());
        names.extend(page["refs"].as_array().unwrap().iter().map(|one| one["name"].clone()));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let listed = git(&bare, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(names, listed.lines().map(Value::from).collect::<Vec<_>>());
    let cursor = ask(&Value::Null).unwrap()["cursor"].clone();
    git(&bare, &["update-ref", "refs/heads/new", &tip]);
    assert_eq!(ask(&cursor).unwrap_err().code.name, "cursor-expired");
}

#[test]
fn a_repository_that_is_not_there_has_its_code() {
    let server = Server::with_repository(None);
    let mut sandbox = server.sandbox();
    let nowhere = json!({"sandbox_id": "s1", "repo_url": format!("{}a/nowhere.git", server.url)});
    assert_eq!(sandbox.bad("ls-remote", nowhere).code.name, "repository-not-found");
}
