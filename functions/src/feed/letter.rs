//! What is sent of one event: a CloudEvent in its JSON format, and what a bus needs to know of it.

use gitledger_ledger::{Position, Recorded};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// One event on its way to a bus.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its place in the whole ledger.
    pub position: Position,
    /// By which a bus knows that it has it.
    pub id: Uuid,
    /// The event's type, for example `OperationSucceeded`.
    pub name: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// The CloudEvent.
    event: Value,
}

impl Letter {
    /// Of a recorded event.
    pub fn of(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            id: recorded.record.id,
            name: recorded.record.name.clone(),
            at: recorded.record.recorded_at,
            event: recorded.cloud_event(),
        }
    }

    /// The CloudEvent in at most this many bytes. One that is larger goes without its data and says where it is: in
    /// `dataref`, as the CloudEvents extension for claim checks has it.
    pub fn body(&self, bytes_max: usize) -> String {
        let whole = self.event.to_string();
        if whole.len() <= bytes_max {
            return whole;
        }
        let mut event = self.event.clone();
        if let Some(fields) = event.as_object_mut() {
            fields.remove("data");
            let before = self.position.as_u64().saturating_sub(1);
            fields.insert("dataref".to_owned(), format!("/events?after={before}&limit=1").into());
        }
        event.to_string()
    }
}

#[cfg(test)]
mod tests {
    use gitledger_events::Record;
    use serde_json::json;

    use super::*;

    fn letter(words: usize) -> Letter {
        let record: Record = serde_json::from_value(json!({
            "id": "019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10",
            "stream": "operation-019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10",
            "version": 1, "type": "ConflictDetected", "schema_version": 1,
            "recorded_at": "2026-11-23T00:00:00Z",
            "correlation_id": "019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10",
            "data": {"paths": vec!["word"; words]},
        }))
        .unwrap();
        Letter::of(&Recorded { position: Position::from_u64(42), record })
    }

    #[test]
    fn an_event_that_fits_is_sent_whole() {
        let event: Value = serde_json::from_str(&letter(3).body(1000)).unwrap();
        for required in ["specversion", "id", "source", "type"] {
            assert!(event[required].is_string(), "{required} in {event:#}");
        }
        assert_eq!(event["data"]["paths"].as_array().map(Vec::len), Some(3));
        assert!(event.get("dataref").is_none());
    }

    #[test]
    fn an_event_that_does_not_fit_says_where_its_data_is() {
        let body = letter(10_000).body(1000);
        assert!(body.len() <= 1000, "{} bytes", body.len());
        let event: Value = serde_json::from_str(&body).unwrap();
        assert!(event.get("data").is_none());
        assert_eq!(event["dataref"], "/events?after=41&limit=1");
        assert_eq!(event["id"], "019ac0f2-6a3b-7c44-9d21-3f5b8a7e6c10");
    }
}
