//! Operations on operations, with the whole system: told, listed, cancelled, undone.

use std::sync::Arc;
use std::time::Duration;

use gitledger::remote::{Endpoint, Fault};
use gitledger_functions::{Request, Settings, World, operate};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_sandboxes::{Sandboxes, SystemWorld, Trace};
use gitledger_tests::origin::APP;
use gitledger_tests::trap::{self, Trap};
use gitledger_tests::{Agent, Origin, Setup, ledger, wait};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_is_cancelled_ends_at_once_and_leaves_nothing_behind() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let slow = Fault::Delay(Duration::from_mins(1));
    origin.remote.set_fault(APP, Endpoint::UploadPackRefs, slow).expect("a repository");
    let id = "00000000-0000-4000-8000-00000000c0de";
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let request =
        system.request(reqwest::Method::POST, "/git/clone").header("Idempotency-Key", id).json(&input);
    let cloning = tokio::spawn(async move { request.send().await?.json::<Value>().await });
    wait::until("the clone at the remote", async || {
        (origin.remote.requests_to(APP, Endpoint::UploadPackRefs).expect("a repository") > 0).then_some(())
    })
    .await;

    let (_, running) = system.post("/git/operation-list", &json!({"state": "running"})).await;
    assert_eq!(running["output"]["operations"][0]["id"], id, "{running:#}");
    let told = system.operate("operation-cancel", &json!({"id": id})).await;
    assert_eq!(told["output"]["cancelling"], true, "{told:#}");
    let answer = cloning.await.expect("a task").expect("an answer");
    assert_eq!(
        (&answer["outcome"], &answer["failure"]["code"]),
        (&json!("failed"), &json!("cancelled")),
        "{answer:#}"
    );
    let record = system.operate("operation-get", &json!({"id": id})).await;
    assert_eq!(record["output"]["record"]["code"], "cancelled", "{record:#}");
    let (_, again) = system.post("/git/operation-cancel", &json!({"id": id})).await;
    assert_eq!(again["failure"]["code"], "not-running", "{again:#}");
    let (_, sandboxes) = system.get("/sandboxes").await;
    assert_eq!(sandboxes["sandboxes"], json!([]), "the sandbox was made for it alone");
    let events = setup.events();
    ledger::assert_each_has_one_outcome(&events);
    assert!(
        !ledger::requested(&events).iter().any(|other| *other != id),
        "looking and cancelling is not recorded"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_by_a_reset_comes_back_by_its_undo() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let commit = agent.commit("NOTES.md", "hello\n").await;
    agent.operate("file-write", json!({"path": "NOTES.md", "content": "not committed\n"})).await;
    agent.operate("file-write", json!({"path": "new.txt", "content": "unknown to git\n"})).await;
    let before = agent.operate("status", json!({})).await;
    let base = agent.cloned["head_after"].as_str().expect("a commit").to_owned();
    let reset = agent.operate("reset", json!({"mode": "hard", "revision": base})).await;
    assert_eq!((&reset["head_before"], &reset["head_after"]), (&json!(commit), &json!(base)), "{reset:#}");
    assert_eq!(agent.operate("status", json!({})).await["output"]["modified"], json!([]));

    let undo = agent.operate("operation-undo", json!({"id": reset["operation_id"]})).await;
    assert_eq!(undo["output"]["files_restored"], true, "{undo:#}");
    let after = agent.operate("status", json!({})).await;
    for field in ["head", "modified", "untracked", "staged"] {
        assert_eq!(after["output"][field], before["output"][field], "{field}: {after:#}");
    }
    let read = agent.operate("file-read", json!({"path": "NOTES.md"})).await;
    assert_eq!(read["output"]["content"], "not committed\n");
    let (_, elsewhere) = agent.attempt("operation-undo", json!({"id": reset["operation_id"]})).await;
    assert_eq!(elsewhere["failure"]["code"], "head-moved", "{elsewhere:#}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_expects_another_head_or_takes_too_long_changes_nothing() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let zero = "0".repeat(40);
    let (_, moved) = agent.attempt("branch-create", json!({"name": "side", "expected_head": zero})).await;
    assert_eq!(moved["failure"]["code"], "head-moved", "{moved:#}");
    assert_eq!(moved["failure"]["output"]["head"], agent.cloned["head_after"]);
    origin
        .remote
        .set_fault(APP, Endpoint::UploadPackRefs, Fault::Delay(Duration::from_mins(1)))
        .expect("a repository");
    let started = std::time::Instant::now();
    let (_, late) = agent.attempt("fetch", json!({"deadline_ms": 3000})).await;
    assert_eq!(late["failure"]["code"], "timeout", "{late:#}");
    assert!(started.elapsed() < Duration::from_secs(30), "its own budget is five minutes");
    let (status, refused) = agent.attempt("fetch", json!({"deadline_ms": 999})).await;
    assert_eq!((status, &refused["field"]), (400, &json!("deadline_ms")));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_belongs_to_a_trace_says_so_in_all_its_events() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let input = json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": "t1"});
    let request = system.request(reqwest::Method::POST, "/git/clone").json(&input);
    let request = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let events = setup.events();
    let subject = format!("operation-{}", answer["operation_id"].as_str().unwrap_or_default());
    let own: Vec<_> = events
        .iter()
        .filter(|event| event["subject"] == subject)
        .map(|event| event["causationid"].as_str().map(|id| id.replace('-', "")))
        .collect();
    assert!(own.len() >= 2, "{events:#?}");
    assert!(own.iter().all(|id| id.as_deref() == Some("4bf92f3577b34da6a3ce929d0e0e4736")), "{own:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_tells_the_sandboxes_host_which_trace_it_belongs_to() {
    let host = Trap::listen(|_| trap::respond("400 Bad Request", ""));
    let dir = tempfile::tempdir().expect("a directory");
    let settings = Settings::read(&|name| match name {
        "GITLEDGER_DATA" => dir.path().to_str().map(str::to_owned),
        "E2B_API_URL" => Some(host.url()),
        "E2B_API_KEY" => Some("e2b_0".to_owned()),
        _ => None,
    })
    .expect("settings");
    let ledger = SqliteLedger::open(&dir.path().join("ledger.db"), Durability::Relaxed).expect("a ledger");
    let (ledger, clock) = (Arc::new(ledger), Arc::new(SystemWorld));
    let endpoint = settings.endpoint.clone().expect("an endpoint");
    let sandboxes = Sandboxes::new(ledger.clone(), endpoint, clock.clone()).expect("sandboxes");
    let world = World::new(ledger, Arc::new(sandboxes), clock, settings, None).await.expect("a world");
    let asked = |trace| {
        let input = json!({"agent_id": "a1", "task_id": "t1"});
        let request = Request::new("sandbox-create", input, None, world.clock.id()).expect("a request");
        operate(&world, Request { trace, ..request })
    };
    let trace = Trace::xray("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
    asked(trace).await.expect("an answer");
    asked(None).await.expect("an answer");
    let heard: Vec<_> =
        host.heard().iter().map(|bytes| String::from_utf8_lossy(bytes).to_lowercase()).collect();
    let told = |request: &String| {
        let line = request.lines().find(|line| line.starts_with("traceparent: "))?;
        Some(line.contains("00-5759e988bd862e3fe1be46a994272793-") && line.ends_with("-00"))
    };
    assert_eq!(heard.iter().map(told).collect::<Vec<_>>(), [Some(true), None], "{heard:#?}");
}
