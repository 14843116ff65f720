//! What one agent does: a task of its own, a task on the shared branch, and a look around.

use std::sync::Arc;

use gitledger_functions::answer::Outcome;
use serde_json::{Value, json};

use super::client::Client;
use super::stage::{APP, CONTESTED, SECOND, SHARED_BRANCH, Stage};

/// About how many operations one agent asks for; the progress bar's measure.
pub const STEPS: u64 = 21;

/// How many sandboxes one agent holds at the end: one per task.
pub const SANDBOXES: usize = 3;

/// How often an agent tries again what lost a race.
const TRIES: usize = 8;

/// The agent's day.
pub async fn work(stage: Arc<Stage>, client: Client, number: u16) -> Result<(), String> {
    let agent = format!("agent-{number:02}");
    own_task(&stage, &client, &agent).await?;
    shared_task(&stage, &client, &agent, number).await?;
    look_around(&stage, &client, &agent).await
}

/// Clone, edit, status, diff, commit, push to a branch of its own; later, once more from a clone.
async fn own_task(stage: &Stage, client: &Client, agent: &str) -> Result<(), String> {
    let sandbox = clone(stage, client, APP, "main", agent, "own").await?;
    let path = format!("agents/{agent}.md");
    write(client, &sandbox, &path, &format!("# {agent}\n\nwas here\n")).await?;
    client.done("status", json!({"sandbox_id": sandbox})).await?;
    client.done("add", json!({"sandbox_id": sandbox, "files": [path]})).await?;
    client.done("diff", json!({"sandbox_id": sandbox})).await?;
    client
        .done("commit", json!({"sandbox_id": sandbox, "message": format!("{agent} introduces itself")}))
        .await?;
    client.done("push", json!({"sandbox_id": sandbox})).await?;
    take_up_again(stage, client, agent).await
}

/// The same agent and the same task: the clone may come from the sandbox that is there.
async fn take_up_again(stage: &Stage, client: &Client, agent: &str) -> Result<(), String> {
    let sandbox = clone(stage, client, APP, "main", agent, "own").await?;
    write(client, &sandbox, &format!("agents/{agent}-again.md"), &format!("{agent} came back\n")).await?;
    let push = json!({"sandbox_id": sandbox, "commit_message": format!("{agent} comes back")});
    client.done("push", push).await.map(|_| ())
}

/// Everybody pushes to one branch: a file of one's own, and every third agent the same line of the same
/// file, which conflicts.
async fn shared_task(stage: &Stage, client: &Client, agent: &str, number: u16) -> Result<(), String> {
    let sandbox = clone(stage, client, APP, SHARED_BRANCH, agent, "shared").await?;
    write(client, &sandbox, &format!("notes/{agent}.md"), &format!("notes of {agent}\n")).await?;
    if number.is_multiple_of(3) {
        write(client, &sandbox, CONTESTED, &format!("last writer: {agent}\n")).await?;
    }
    let push = json!({"sandbox_id": sandbox, "branch": SHARED_BRANCH, "commit_message": format!("notes of {agent}")});
    for _ in 0..TRIES {
        let answer = client.ask("push", push.clone()).await?;
        let code = answer.failure.as_ref().map(|failure| failure.code.clone());
        match code.as_deref() {
            None if answer.outcome == Outcome::Succeeded => return Ok(()),
            Some("merge-conflict") => resolve(client, &sandbox, agent).await?,
            // Others were faster, every time; it is the agent's turn to decide to go on.
            Some("non-fast-forward" | "stale-lease") => {}
            other => return Err(format!("{agent}: push to {SHARED_BRANCH}: {other:?}")),
        }
    }
    Err(format!("{agent} did not get onto {SHARED_BRANCH} in {TRIES} tries"))
}

/// Starts again from what the others have, and writes its lines there.
async fn resolve(client: &Client, sandbox: &Value, agent: &str) -> Result<(), String> {
    client.done("fetch", json!({"sandbox_id": sandbox})).await?;
    let branch = format!("{agent}-again-{}", uuid::Uuid::now_v7().simple());
    let start = format!("refs/remotes/origin/{SHARED_BRANCH}");
    client
        .done(
            "switch",
            json!({"sandbox_id": sandbox, "branch": branch, "create": true, "start_point": start}),
        )
        .await?;
    write(client, sandbox, &format!("notes/{agent}.md"), &format!("notes of {agent}\n")).await?;
    write(client, sandbox, CONTESTED, &format!("last writer: {agent}, after the others\n")).await
}

/// Reads another repository.
async fn look_around(stage: &Stage, client: &Client, agent: &str) -> Result<(), String> {
    let input = json!({"repo_url": stage.url(SECOND), "agent_id": agent, "task_id": "read", "shallow": true});
    let sandbox = client.done("clone", input).await?["sandbox_id"].clone();
    client.done("log", json!({"sandbox_id": sandbox, "limit": 5})).await?;
    client.done("branch-list", json!({"sandbox_id": sandbox})).await?;
    client.done("status", json!({"sandbox_id": sandbox})).await?;
    Ok(())
}

async fn clone(
    stage: &Stage,
    client: &Client,
    repository: &str,
    branch: &str,
    agent: &str,
    task: &str,
) -> Result<Value, String> {
    let input =
        json!({"repo_url": stage.url(repository), "branch": branch, "agent_id": agent, "task_id": task});
    Ok(client.done("clone", input).await?["sandbox_id"].clone())
}

async fn write(client: &Client, sandbox: &Value, path: &str, content: &str) -> Result<(), String> {
    let input = json!({"sandbox_id": sandbox, "path": path, "content": content});
    client.done("file-write", input).await.map(|_| ())
}
