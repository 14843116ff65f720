//! Operations on sandboxes, with the whole system: their lives, which is used again, the pool, E2B's webhooks.

mod keys;
mod life;
mod reuse;
mod webhook;

use gitledger_sandboxes::{ControlPlane, Endpoint, Secret};
use gitledger_tests::{Origin, Setup, System};
use serde_json::{Value, json};

/// A setup that admits the origin and whose policy for sandboxes this is.
fn with_policy(origin: &Origin, text: &str) -> Setup {
    let setup = Setup::new().admitting(origin);
    std::fs::create_dir_all(setup.data()).expect("a directory");
    std::fs::write(setup.data().join("policy.toml"), format!("[sandboxes]\n{text}")).expect("a policy");
    setup
}

/// The host behind the system's back.
fn behind(system: &System) -> ControlPlane {
    let text = std::fs::read(system.data().join("sandbox-host.json")).expect("word of the host");
    let host: Value = serde_json::from_slice(&text).expect("JSON");
    let field = |name: &str| host[name].as_str().expect("a text").to_owned();
    ControlPlane::new(Endpoint::at(field("api_url"), Secret::new(field("api_key")))).expect("a client")
}

/// The types of a sandbox's events, in order.
fn stream(setup: &Setup, sandbox_id: &str) -> Vec<String> {
    let subject = format!("sandbox-{sandbox_id}");
    let events = setup.events().into_iter().filter(|event| event["subject"] == subject.as_str());
    events.map(|event| kind(&event)).collect()
}

fn kind(event: &Value) -> String {
    event["type"].as_str().expect("a type").trim_start_matches("gitledger.").to_owned()
}

/// Where the sandbox of the latest lease came from.
fn last_reuse(setup: &Setup) -> Value {
    let events = setup.events();
    let leased = events.iter().rfind(|event| kind(event) == "SandboxLeased").expect("a lease");
    leased["data"]["reuse"].clone()
}

async fn clone(system: &System, origin: &Origin, agent: &str, task: &str, more: Value) -> String {
    let mut input = json!({"repo_url": origin.app(), "agent_id": agent, "task_id": task});
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = system.operate("clone", &input).await;
    answer["output"]["sandbox_id"].as_str().expect("a sandbox").to_owned()
}

async fn about(system: &System, operation: &str, sandbox_id: &str) -> Value {
    system.operate(operation, &json!({"sandbox_id": sandbox_id})).await["output"].clone()
}
