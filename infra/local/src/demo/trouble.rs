//! What goes wrong in real life, once each.

use std::sync::Arc;

use gitledger_sandboxes::ControlPlane;
use serde_json::{Value, json};

use super::client::Client;
use super::stage::{APP, Stage};

/// About how many operations this asks for.
pub const STEPS: u64 = 8;

/// An expired token, a missing repository, a protected branch, a sandbox that dies.
pub async fn make(stage: Arc<Stage>, client: Client, control: ControlPlane) -> Result<(), String> {
    let clone = |url: String, task: &str| json!({"repo_url": url, "branch": "main", "agent_id": "unlucky", "task_id": task});
    client.fails("clone", clone(stage.url_with_wrong_token(APP), "expired"), "auth-failed").await?;
    client.fails("clone", clone(stage.url("acme/missing"), "missing"), "repository-not-found").await?;
    let sandbox = client.done("clone", clone(stage.url(APP), "protected")).await?["sandbox_id"].clone();
    protected(&client, &sandbox).await?;
    dies(&control, &client, &sandbox).await?;
    client.done("clone", clone(stage.url(APP), "again")).await.map(|_| ())
}

async fn protected(client: &Client, sandbox: &Value) -> Result<(), String> {
    let input = json!({"sandbox_id": sandbox, "path": "hotfix.md", "content": "now!\n"});
    client.done("file-write", input).await?;
    let push = json!({"sandbox_id": sandbox, "branch": "main", "commit_message": "straight to main"});
    client.fails("push", push, "protected-branch").await
}

/// Ends the sandbox behind gitledger's back, as an expiry or an outage would.
async fn dies(control: &ControlPlane, client: &Client, sandbox: &Value) -> Result<(), String> {
    let id = sandbox.as_str().ok_or("a sandbox id is a text")?;
    control.kill(id).await.map_err(|error| error.to_string())?;
    let answer = client.ask("status", json!({"sandbox_id": sandbox})).await?;
    match answer.failure {
        Some(failure) if failure.error_type == "sandbox_not_found" => Ok(()),
        other => Err(format!("status in a dead sandbox: {other:?}")),
    }
}
