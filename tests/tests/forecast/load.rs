//! The load: agents with tasks, each a few sessions of ten operations, with pauses between.

use std::time::Duration;

use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::json;

/// How many agents work at once.
const AGENTS: u64 = 12;
/// How many sessions each has; every third begins a new task.
const SESSIONS: u64 = 18;

/// All of it.
pub async fn work(system: &System, origin: &Origin) {
    let url = origin.app();
    let agents = (0..AGENTS).map(|agent| day(system, &url, agent));
    futures(agents.collect()).await;
}

async fn futures(all: Vec<impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn day(system: &System, url: &str, agent: u64) {
    for session in 0..SESSIONS {
        // The pauses are the load, not a wait for something: 1 to 13 seconds, in an order that looks like none.
        let pause = 1 + (agent * 7 + session * 11) % 13;
        tokio::time::sleep(Duration::from_secs(pause)).await;
        let name = format!("agent-{agent}");
        let agent = Agent::clone(system, url, &name, &format!("task-{}", session / 3)).await;
        session_of(&agent, &name, session).await;
    }
}

/// Nine operations after the clone.
async fn session_of(agent: &Agent<'_>, name: &str, session: u64) {
    let path = format!("{name}/{session}.md");
    agent.operate("status", json!({})).await;
    agent.operate("file-write", json!({"path": path, "content": format!("{name} {session}\n")})).await;
    agent.operate("diff", json!({})).await;
    agent.operate("commit", json!({"message": format!("Session {session}"), "files": [path]})).await;
    agent.operate("log", json!({"limit": 3})).await;
    agent.operate("branch-list", json!({})).await;
    // A branch may have moved where a sandbox was shared: the push's answer is the ledger's affair.
    agent.attempt("push", json!({})).await;
    agent.operate("status", json!({})).await;
    agent.operate("file-read", json!({"path": path})).await;
}

/// The newest event's position.
pub fn head(setup: &Setup) -> String {
    let last = setup.events().pop().expect("an event");
    last["position"].to_string()
}
