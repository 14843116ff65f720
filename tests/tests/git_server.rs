//! A public-like project that is not of our making, served by plain `git http-backend`, admitted by its
//! address; and the story that the ledger tells of it.

use gitledger::remote::Seed;
use gitledger_tests::{Agent, Origin, Setup, workspace};
use serde_json::{Value, json};

const PROJECT: &str = "someone/project";

/// The names of the events of one stream, in order.
fn names<'e>(events: &'e [Value], stream: &str) -> Vec<&'e str> {
    let of_stream = events.iter().filter(|event| event["subject"] == stream);
    of_stream
        .map(|event| event["type"].as_str().unwrap_or_default().trim_start_matches("gitledger."))
        .collect()
}

fn operation_stream(answer: &Value) -> String {
    format!("operation-{}", answer["operation_id"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_reaches_another_git_server_and_the_ledger_tells_how() {
    let source = workspace::root();
    assert!(source.join(".git").exists(), "{} is no clone: this test serves its history", source.display());
    let origin = Origin::start().await;
    origin.create(PROJECT, &Seed::From(source.to_owned()));
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;

    let agent = Agent::clone(&system, &origin.remote.repository_url(PROJECT), "a1", "t1").await;
    assert_eq!(agent.branch(), "agent-a1-t1");
    let base = agent.cloned["output"]["base_branch"].as_str().expect("a base branch");
    assert_eq!(
        agent.cloned["output"]["head"].as_str(),
        origin.tip_of(PROJECT, base).as_deref(),
        "it is the whole history"
    );
    let status = agent.operate("status", json!({})).await;
    assert_eq!(status["output"]["clean"], true, "{status:#}");
    let commit = agent.commit("NOTES.md", "hello\n").await;
    let pushed = agent.push().await;
    assert_eq!(pushed["output"]["pushed_branch"], "agent-a1-t1", "{pushed:#}");
    assert_eq!(origin.tip_of(PROJECT, "agent-a1-t1").as_deref(), Some(commit.as_str()));

    let events = setup.events();
    let asked = "OperationRequested";
    assert_eq!(
        names(&events, &operation_stream(&pushed)),
        [asked, "PushPrepared", "PushAttempted", "OperationSucceeded"]
    );
    assert_eq!(
        names(&events, &operation_stream(&agent.cloned)),
        [asked, "SandboxRequested", "OperationSucceeded"]
    );
    assert_eq!(names(&events, &operation_stream(&status)), [asked, "OperationSucceeded"]);
    let life = names(&events, &format!("sandbox-{}", agent.sandbox_id()));
    // Made for the clone; then one lease for each of file-write, commit and push; a look takes none.
    assert_eq!(life[..4], ["SandboxCreated", "SandboxLeased", "WorkspaceOpened", "SandboxReleased"]);
    assert_eq!(
        life[4..].chunks(2).filter(|pair| *pair == ["SandboxLeased", "SandboxReleased"]).count(),
        3,
        "{life:?}"
    );
    assert_eq!(life.len(), 10, "{life:?}");
    assert!(events.iter().all(|event| event["specversion"] == "1.0"));
    system.stop().await;
    let life = setup.events();
    assert_eq!(life.last().map(|event| &event["type"]), Some(&json!("gitledger.SandboxKilled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_server_that_is_not_admitted_is_not_asked() {
    let origin = Origin::start().await;
    let system_setup = Setup::new();
    let system = system_setup.start().await;
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let (status, problem) = system.post("/git/clone", &input).await;
    assert_eq!((status, problem["field"].as_str()), (400, Some("repo_url")), "{problem:#}");
    assert_eq!(origin.remote.requests(), 0);
    system.stop().await;
    assert_eq!(system_setup.events(), Vec::<Value>::new());
}
