//! Who asked, and for what: ids given by the caller, never invented here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent and the task an operation belongs to. Both may be unknown (the reaper acts for nobody).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The caller's name for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The caller's name for the agent's task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
}

impl Actor {
    /// An actor with both ids known.
    pub fn new(agent_id: impl Into<String>, task_id: impl Into<String>) -> Self {
        Self { agent_id: Some(agent_id.into()), task_id: Some(task_id.into()) }
    }

    /// True when neither id is known.
    pub fn is_unknown(&self) -> bool {
        self.agent_id.is_none() && self.task_id.is_none()
    }
}
