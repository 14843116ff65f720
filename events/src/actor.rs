//! Who asked, and for what: ids given by the caller, and that of the key it came with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent, the task and the key an operation belongs to. All may be unknown (the reaper acts for nobody).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The caller's name for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The caller's name for the agent's task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The id of the API key that came with the request; never its secret. `None`: without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl Actor {
    /// An agent and its task, without a key.
    pub fn new(agent_id: impl Into<String>, task_id: impl Into<String>) -> Self {
        Self { agent_id: Some(agent_id.into()), task_id: Some(task_id.into()), key_id: None }
    }

    /// True when no id is known.
    pub fn is_unknown(&self) -> bool {
        self.agent_id.is_none() && self.task_id.is_none() && self.key_id.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::Actor;

    #[test]
    fn a_key_without_an_agent_is_somebody() {
        let actor = Actor { key_id: Some("k1".to_owned()), ..Actor::default() };
        assert!(!actor.is_unknown());
        assert_eq!(serde_json::to_string(&actor).unwrap(), r#"{"key_id":"k1"}"#);
        let before: Actor = serde_json::from_str(r#"{"agent_id":"a","task_id":"t"}"#).unwrap();
        assert_eq!(before, Actor::new("a", "t"));
    }
}
