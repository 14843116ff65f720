//! Bodies that no operation takes: fields, values, and what is no JSON at all.

use serde_json::{Value, json};

use super::{Case, SANDBOX, all_refused};

fn clone_of(url: &str) -> Value {
    json!({"repo_url": url, "agent_id": "a1", "task_id": "t1"})
}

fn clone_with(field: &str, value: Value) -> Value {
    let mut input = clone_of("https://github.com/acme/app");
    input[field] = value;
    input
}

fn in_sandbox(mut input: Value) -> Value {
    input["sandbox_id"] = json!(SANDBOX);
    input
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_missing_unknown_or_of_another_type_is_named() {
    all_refused(vec![
        Case::json("clone", &json!({}), "repo_url"),
        Case::bad("clone", "", "repo_url"),
        Case::json("clone", &json!({"repo_url": "https://github.com/acme/app", "agent_id": "a"}), "task_id"),
        Case::json("status", &json!({}), "sandbox_id"),
        Case::json("commit", &in_sandbox(json!({})), "message"),
        Case::json("file-write", &in_sandbox(json!({"path": "a"})), "content"),
        Case::json("clone", &clone_with("repo_ulr", json!("x")), "repo_ulr"),
        Case::json("push", &in_sandbox(json!({"force": true})), "force"),
        Case::json("status", &in_sandbox(json!({"env": {"GIT_SSH_COMMAND": "x"}})), "env"),
        Case::json("clone", &clone_with("depth", json!("1")), "depth"),
        Case::json("clone", &clone_with("depth", json!(-1)), "depth"),
        Case::json("clone", &clone_with("depth", json!(1.5)), "depth"),
        Case::json("clone", &clone_with("depth", json!(u64::MAX)), "depth"),
        Case::json("clone", &clone_with("depth", json!(0)), "depth"),
        Case::json("clone", &clone_with("shallow", json!("yes")), "shallow"),
        Case::json("clone", &clone_with("agent_id", json!(7)), "agent_id"),
        Case::json("clone", &clone_with("agent_id", json!("")), "agent_id"),
        Case::json("clone", &clone_with("agent_id", json!("../a")), "agent_id"),
        Case::json("clone", &clone_with("task_id", json!("a b")), "task_id"),
        Case::json("clone", &clone_with("task_id", json!("x".repeat(10_000))), "task_id"),
        Case::json("clone", &clone_with("repo_url", json!(["https://github.com/acme/app"])), "repo_url"),
        Case::json("clone", &clone_with("filter", json!("sparse:oid=x")), "filter"),
        Case::json("clone", &clone_with("revision", json!("--upload-pack=x")), "revision"),
        Case::json("push", &in_sandbox(json!({"max_attempts": 99})), "max_attempts"),
        Case::json("push", &in_sandbox(json!({"files": ["a"]})), "files"),
        Case::json("commit", &in_sandbox(json!({"message": "m", "files": "a"})), "files"),
        Case::json("commit", &in_sandbox(json!({"message": "m", "files": [1]})), "files[0]"),
        Case::json("commit", &in_sandbox(json!({"message": ""})), "message"),
        Case::json("commit", &in_sandbox(json!({"message": "m", "author_email": "a\nb"})), "author_email"),
        Case::json("commit", &in_sandbox(json!({"message": "m", "author_name": "<x>"})), "author_name"),
        Case::json(
            "file-write",
            &in_sandbox(json!({"path": "a", "content": "%", "encoding": "base64"})),
            "content",
        ),
        Case::json(
            "file-write",
            &in_sandbox(json!({"path": "a", "content": "", "encoding": "utf-7"})),
            "encoding",
        ),
        Case::json("status", &json!({"sandbox_id": "../../sandboxes"}), "sandbox_id"),
        Case::json("status", &json!({"sandbox_id": ""}), "sandbox_id"),
        Case::json("status", &json!({"sandbox_id": null}), "sandbox_id"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_no_public_https_repository_is_refused() {
    let urls = [
        "ext::sh -c x",
        "ext::sh%20-c%20x",
        "file:///etc",
        "/etc",
        "../x",
        "--upload-pack=x",
        "git@github.com:acme/app.git",
        "ssh://git@github.com/acme/app",
        "git://github.com/acme/app",
        "http://github.com/acme/app",
        "http://169.254.169.254/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@github.com/acme/app",
        "https://token@github.com/acme/app",
        "https://:@github.com@127.0.0.1/acme/app",
        "https://2130706433/acme/app",
        "https://0x7f000001/acme/app",
        "https://0x7f.1/acme/app",
        "https://017700000001/acme/app",
        "https://127.1/acme/app",
        "https://0/acme/app",
        "https://①②⑦.0.0.1/acme/app",
        "https://127.0.0.1./acme/app",
        "https://[::1]/acme/app",
        "https://[::ffff:169.254.169.254]/acme/app",
        "https://[::ffff:7f00:1]/acme/app",
        "https://[64:ff9b::7f00:1]/acme/app",
        "https://[fd00::1]/acme/app",
        "https://10.0.0.1/acme/app",
        "https://172.31.255.255/acme/app",
        "https://192.168.0.1/acme/app",
        "https://100.64.0.1/acme/app",
        "https://localhost/acme/app",
        "https://localhost./acme/app",
        "https://LOCALHOST/acme/app",
        "https://printer.local/acme/app",
        "https://metadata.google.internal/acme/app",
        "https://intranet/acme/app",
        "https://github.com/acme/app?ref=x",
        "https://github.com/acme/app#x",
        "https://github.com/",
        "https:///acme/app",
        "https://github.com\\@127.0.0.1/acme/app",
        "https://github.com/acme/app\n",
        "",
        " ",
    ];
    let long = format!("https://github.com/acme/{}", "x".repeat(5000));
    all_refused(
        urls.into_iter()
            .chain([long.as_str()])
            .map(|url| Case::json("clone", &clone_of(url), "repo_url"))
            .collect(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_git_could_take_for_something_else_is_refused() {
    let names = [
        "--upload-pack=x",
        "-x",
        "",
        " ",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[",
        "a\\b",
        "a//b",
        "/a",
        "a/",
        "a.",
        "a.lock",
        ".a",
        "a/.b",
        "a@{1}",
        "@",
        "+main",
        "HEAD",
        "refs/heads/main",
        "a\tb",
        "a\u{7f}b",
        "main:evil",
    ];
    let mut cases = Vec::new();
    for name in names {
        cases.push(Case::json("clone", &clone_with("branch", json!(name)), "branch"));
        cases.push(Case::json("push", &in_sandbox(json!({"branch": name})), "branch"));
    }
    all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_out_of_the_workspace_or_into_its_repository_is_refused() {
    let paths = [
        "../../etc/passwd",
        "..",
        "a/../../b",
        "/etc/passwd",
        "//etc",
        ".git/config",
        ".git",
        "a/../.git/config",
        ".GIT/config",
        ".git./config",
        ".git /config",
        "git~1/config",
        ".g\u{200c}it/config",
        "a/.git/hooks/pre-push",
        ".git\\config",
        "",
    ];
    let mut cases = Vec::new();
    for path in paths {
        cases.push(Case::json("file-write", &in_sandbox(json!({"path": path, "content": "x"})), "path"));
        cases.push(Case::json("add", &in_sandbox(json!({"files": ["ok", path]})), "files[1]"));
        cases.push(Case::json("commit", &in_sandbox(json!({"message": "m", "files": [path]})), "files[0]"));
        cases.push(Case::json(
            "push",
            &in_sandbox(json!({"commit_message": "m", "files": [path]})),
            "files[0]",
        ));
        cases.push(Case::json("diff", &in_sandbox(json!({"files": [path]})), "files[0]"));
    }
    for path in ["./a", "a/./b", "a/", "a//b"] {
        cases.push(Case::json("file-write", &in_sandbox(json!({"path": path, "content": "x"})), "path"));
    }
    all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_byte_is_refused_wherever_it_stands() {
    let nul = |text: &str| text.replace('%', "\u{0}");
    all_refused(vec![
        Case::json("clone", &clone_of(&nul("https://github.com/acme/app%")), "repo_url"),
        Case::json("clone", &clone_with("branch", json!(nul("ma%in"))), "branch"),
        Case::json("clone", &clone_with("agent_id", json!(nul("a%"))), "agent_id"),
        Case::json("commit", &in_sandbox(json!({"message": nul("a%b")})), "message"),
        Case::json("commit", &in_sandbox(json!({"message": "m", "files": ["a", nul("b%")]})), "files[1]"),
        Case::json("file-write", &in_sandbox(json!({"path": nul("a%"), "content": "x"})), "path"),
        Case::json("status", &json!({"sandbox_id": nul("i%")}), "sandbox_id"),
        Case::bad("status", &b"{\"sandbox_id\": \"i\0\"}"[..], "body"),
        Case::bad("status", &b"\0\0\0\0"[..], "body"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_object_is_refused() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let mut cases: Vec<Case> = [
        "{",
        "{]",
        "nonsense",
        "{\"repo_url\": }",
        "{'repo_url': 'x'}",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":NaN}",
        "[1,",
        "\"",
        "\u{feff}{}",
        "{\"a\": 1e99999}",
        "{\"a\": \"\\ud800\"}",
        "[]",
        "[{}]",
        "null",
        "7",
        "\"text\"",
        "true",
    ]
    .into_iter()
    .map(|body| Case::bad("clone", body, "body"))
    .collect();
    cases.push(Case::bad("clone", deep("[", "]"), "body"));
    cases.push(Case::bad("clone", deep("{\"a\":", "}"), "body"));
    cases.push(Case::bad("clone", "[".repeat(100_000), "body"));
    cases.push(Case::bad("clone", &b"{\"repo_url\": \"\xff\xfe\"}"[..], "body"));
    cases.push(Case::bad("clone", &b"\xff\xfe{\0}\0"[..], "body"));
    cases.push(Case::bad("clone", &b"\xc0\xaf"[..], "body"));
    all_refused(cases).await;
}
