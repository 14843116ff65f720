//! An event as the outside sees it: a CloudEvent 1.0 in its JSON format.

use serde_json::{Value, json};

use crate::Record;

/// The `source` of every event: which system, not which machine.
pub const SOURCE: &str = "/gitledger";

impl Record {
    /// The CloudEvent. Our own attributes are extensions, in lower case as the standard wants them.
    pub fn cloud_event(&self) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": format!("gitledger.{}", self.name),
            "subject": self.stream,
            "time": self.recorded_at,
            "datacontenttype": "application/json",
            "dataschema": format!("urn:gitledger:{}:{}", self.name, self.schema_version),
            "sequence": self.version.to_string(),
            "correlationid": self.correlation_id,
            "data": self.data,
        });
        let extensions = [
            ("causationid", self.causation_id.map(|id| id.to_string())),
            ("operation", self.operation.clone()),
            ("agentid", self.actor.agent_id.clone()),
            ("taskid", self.actor.task_id.clone()),
            ("keyid", self.actor.key_id.clone()),
            ("repo", self.repo.as_ref().map(ToString::to_string)),
        ];
        for (name, value) in extensions {
            if let Some(value) = value {
                event[name] = Value::String(value);
            }
        }
        event
    }
}
