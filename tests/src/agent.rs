//! An agent at work through the HTTP API, and nothing else.

use serde_json::{Value, json};

use crate::System;

/// An agent with a workspace.
#[derive(Debug)]
pub struct Agent<'s> {
    system: &'s System,
    /// The answer of its clone.
    pub cloned: Value,
}

impl<'s> Agent<'s> {
    /// Clones; the agent works on a branch of its own from then on.
    pub async fn clone(system: &'s System, repo_url: &str, agent_id: &str, task_id: &str) -> Self {
        let input = json!({"repo_url": repo_url, "agent_id": agent_id, "task_id": task_id});
        Self { system, cloned: system.operate("clone", &input).await }
    }

    /// Its sandbox.
    pub fn sandbox_id(&self) -> &str {
        self.cloned["output"]["sandbox_id"].as_str().unwrap_or_default()
    }

    /// Its branch.
    pub fn branch(&self) -> &str {
        self.cloned["output"]["agent_branch"].as_str().unwrap_or_default()
    }

    /// An operation in its sandbox that must succeed; the whole answer.
    pub async fn operate(&self, operation: &str, input: Value) -> Value {
        self.system.operate(operation, &self.asking(input)).await
    }

    /// An operation in its sandbox, whatever comes of it; status and answer.
    pub async fn attempt(&self, operation: &str, input: Value) -> (u16, Value) {
        self.system.post(&format!("/git/{operation}"), &self.asking(input)).await
    }

    /// Writes a file and commits it, two operations; the commit's id.
    pub async fn commit(&self, path: &str, content: &str) -> String {
        self.operate("file-write", json!({"path": path, "content": content})).await;
        let message = format!("Write {path}");
        let answer = self.operate("commit", json!({"message": message, "files": [path]})).await;
        answer["output"]["commit_hash"].as_str().unwrap_or_default().to_owned()
    }

    /// Pushes its branch.
    pub async fn push(&self) -> Value {
        self.operate("push", json!({})).await
    }

    fn asking(&self, mut input: Value) -> Value {
        input["sandbox_id"] = json!(self.sandbox_id());
        input
    }
}
