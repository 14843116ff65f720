//! SIGKILL, Ctrl-C and lost answers in the middle of operations: one outcome each, nothing doubled, nothing left.

mod aftermath;
mod interrupted;
mod killed;

use std::time::Duration;

use gitledger_tests::{System, wait};
use serde_json::{Value, json};

/// Numbers for moments, the same in every run.
struct Lcg(u64);

impl Lcg {
    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

/// A request under a key that is a UUID, so that its operation can be looked up whatever became of its answer.
#[derive(Clone)]
struct Request {
    operation: &'static str,
    id: String,
    input: Value,
}

impl Request {
    fn new(operation: &'static str, number: u32, input: Value) -> Self {
        let id =
            format!("00000000-0000-4000-8000-{:012}", number + if operation == "push" { 1000 } else { 0 });
        Self { operation, id, input }
    }

    fn builder(&self, system: &System) -> reqwest::RequestBuilder {
        let path = format!("/git/{}", self.operation);
        let builder = system.request(reqwest::Method::POST, &path);
        builder.header("Idempotency-Key", &self.id).json(&self.input)
    }

    /// The answer, or nothing when the connection broke before it.
    async fn send(builder: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let response = builder.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, serde_json::from_str(&response.text().await.ok()?).ok()?))
    }
}

fn clone_input(repo_url: &str, task_id: &str) -> Value {
    json!({"repo_url": repo_url, "agent_id": "a1", "task_id": task_id})
}

/// When to kill in the `number`th of `all` runs: every stretch of an operation that takes `whole_s` seconds, a
/// moment at random in it, and some moments after its end.
fn moment(number: u32, all: u32, random: &mut Lcg, whole_s: f64) -> Duration {
    Duration::from_secs_f64(1.25 * whole_s * (f64::from(number) + random.fraction()) / f64::from(all))
}

/// Waits until the remote was asked once more than before.
async fn one_more(what: &str, before: u64, count: impl Fn() -> u64) {
    wait::until(what, async || (count() > before).then_some(())).await;
}

async fn after(time: Duration) {
    tokio::time::sleep(time).await;
}
