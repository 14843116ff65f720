//! What E2B says of a sandbox's life, in the body of its webhook. Whoever believes it is wrong: it says that
//! there is something to see, and the host is asked what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Rejection;

/// The longest body, in bytes: E2B's are under 2 KiB.
pub const BYTES_MAX: usize = 64 * 1024;

/// How the types begin that this system knows.
const TYPES: &str = "sandbox.lifecycle.";

/// The fields that are looked at; the others are E2B's own business. A field that is there twice is refused,
/// also under its other spelling (`sandboxId`, of the older version).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The event's own id: the same one is delivered again after a failure.
    pub id: Uuid,
    /// `sandbox.lifecycle.paused`, and others.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, by E2B's clock.
    pub timestamp: Timestamp,
    /// Which sandbox.
    #[serde(alias = "sandboxId")]
    pub sandbox_id: String,
    /// Whose sandbox, by E2B's accounts.
    #[serde(default, alias = "sandboxTeamId")]
    pub sandbox_team_id: Option<String>,
}

impl Notice {
    /// Reads a body, and nothing but one JSON object.
    pub fn read(body: &str) -> Result<Self, Rejection> {
        if body.len() > BYTES_MAX {
            return Err(Rejection::argument("body", format!("must be at most {BYTES_MAX} bytes")));
        }
        let wrong = |rule: String| Rejection::argument("body", rule);
        if !body.trim_start().starts_with('{') {
            return Err(wrong("must be a JSON object".to_owned()));
        }
        let notice: Self =
            serde_json::from_str(body).map_err(|error| wrong(format!("is no event of E2B's: {error}")))?;
        if !notice.kind.starts_with(TYPES) || notice.kind.len() > 64 {
            return Err(wrong(format!("must have a type that begins with {TYPES}")));
        }
        let id = &notice.sandbox_id;
        if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        {
            return Err(wrong("must name a sandbox".to_owned()));
        }
        Ok(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::Notice;
    use serde_json::json;

    #[test]
    fn both_spellings_are_read_and_nothing_is_read_twice() {
        let id = "019ac0f2-6a6d-7d0e-a00d-0c1d2e3f4a5b";
        let snake = json!({"id": id, "type": "sandbox.lifecycle.killed", "timestamp": "2026-03-10T09:30:00Z",
            "sandbox_id": "i1", "sandbox_team_id": "t", "event_data": {"anything": 1}});
        let camel = json!({"id": id, "type": "sandbox.lifecycle.killed", "timestamp": "2026-03-10T09:30:00Z",
            "sandboxId": "i1", "sandboxTeamId": "t"});
        let read = Notice::read(&snake.to_string()).unwrap();
        assert_eq!(read, Notice::read(&camel.to_string()).unwrap());
        assert_eq!((read.sandbox_id.as_str(), read.sandbox_team_id.as_deref()), ("i1", Some("t")));
        let text = snake.to_string();
        for bad in [
            text.replacen('{', r#"{"sandbox_id":"i2","#, 1),
            text.replacen('{', r#"{"sandboxId":"i2","#, 1),
            format!("{text}{text}"),
            format!("[{text}]"),
            format!("{text},"),
            text.replace("i1", "../i1"),
            text.replace("i1", ""),
            text.replace("lifecycle", "other"),
            text.replace("09:30:00Z", "09:30:00"),
            text.replace(id, "1"),
            String::new(),
            "null".to_owned(),
        ] {
            assert!(Notice::read(&bad).is_err(), "{bad}");
        }
    }
}
