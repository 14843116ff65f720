//! The push policy, with the real program: what it denies is not sent, whatever the operation.

use gitledger::remote::Endpoint;
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Setup};
use serde_json::{Value, json};

fn pushes(origin: &Origin) -> u64 {
    let to = |endpoint| origin.remote.requests_to(APP, endpoint).expect("a repository");
    to(Endpoint::ReceivePack) + to(Endpoint::ReceivePackRefs)
}

/// A setup whose data directory has this policy.
fn with_policy(origin: &Origin, text: &str) -> Setup {
    let setup = Setup::new().admitting(origin);
    std::fs::create_dir_all(setup.data()).expect("a directory");
    std::fs::write(setup.data().join("policy.toml"), text).expect("a policy");
    setup
}

/// How `up` ends that does not begin: its exit code, and what it says.
fn up(setup: &Setup) -> (Option<i32>, String) {
    let output = setup.run(&["up", "--listen", "127.0.0.1:0", "--host-listen", "127.0.0.1:0"]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn denied(answer: &Value, rule: &str) {
    assert_eq!(answer["failure"]["code"], "policy-denied", "{answer:#}");
    assert_eq!(answer["failure"]["output"]["rule"], rule, "{answer:#}");
    assert_eq!(answer["failure"]["retryable"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_branch_is_not_pushed_to_and_nothing_is_sent() {
    let origin = Origin::start().await;
    let repo = format!("{}/acme/*", origin.authority());
    let policy =
        format!("[[push]]\nrepo = \"{repo}\"\nallow = [\"agent-*\", \"main\"]\nprotect = [\"main\"]\n");
    let setup = with_policy(&origin, &policy);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    agent.commit("NOTES.md", "hello\n").await;
    let tip = origin.tip("main");

    let before = origin.remote.requests();
    let message = json!({"branch": "main", "commit_message": "second"});
    let (_, named) = agent.attempt("push", message).await;
    denied(&named, "push[1].protect");
    assert_eq!(named["failure"]["side_effect"], "none", "nothing was committed either: {named:#}");
    let (_, other) = agent.attempt("push", json!({"branch": "release"})).await;
    denied(&other, "push[1].allow");
    assert_eq!(origin.remote.requests(), before, "the remote was asked");
    // Which branch it is, is only seen in the sandbox: the remote is asked, and nothing is sent.
    agent.operate("switch", json!({"branch": "main"})).await;
    let (_, head) = agent.attempt("push", json!({})).await;
    denied(&head, "push[1].protect");
    assert_eq!((pushes(&origin), origin.tip("main")), (0, tip));
    assert!(
        !setup
            .events()
            .iter()
            .any(|event| event["type"].as_str().unwrap_or_default().contains("PushPrepared"))
    );

    agent.operate("switch", json!({"branch": agent.branch()})).await;
    agent.push().await;
    assert!(pushes(&origin) > 0 && origin.tip(agent.branch()).is_some());
    let (_, metrics) = system.get("/metrics").await;
    assert!(metrics.to_string().contains("policy-denied"), "{metrics}");
    system.stop().await;
}

#[test]
fn a_policy_that_is_not_understood_is_not_taken_for_none() {
    let setup = Setup::new();
    let file = setup.data().join("policy.toml");
    std::fs::create_dir_all(setup.data()).expect("a directory");
    for bad in [
        "[[push]]\nrepo = \"*\"\nprotects = [\"main\"]\n",
        "push = 1",
        "[[push]]\nrepo = \"*.com/x\"\n",
        "[sandboxes]\npause_after = 1\n",
        "[sandboxes]\nttl_s = 1\n",
        "[sandboxes]\nreuse = \"always\"\n",
        "[sandboxes]\npool = 1000\n",
        "[sandboxes]\ntrust = [\"a1\"]\n",
    ] {
        std::fs::write(&file, bad).expect("a policy");
        let (code, said) = up(&setup);
        assert!(code == Some(2) && said.contains("policy.toml"), "{bad}: {code:?} {said}");
    }
    std::fs::remove_file(&file).expect("removed");
    let named = Setup::new().with("GITLEDGER_POLICY", "/nowhere/policy.toml");
    let (code, said) = up(&named);
    assert!(code == Some(2) && said.contains("GITLEDGER_POLICY"), "{said}");
}

#[test]
fn a_ledger_on_aws_is_not_taken_for_one_of_this_machine() {
    let setup = Setup::new().with("GITLEDGER_LEDGER", "dynamodb");
    let (code, said) = up(&setup);
    assert!(code.is_some_and(|code| code != 0) && said.contains("GITLEDGER_LEDGER"), "{code:?} {said}");
}
