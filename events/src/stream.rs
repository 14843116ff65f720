//! The name of a stream: the ordered events of one operation or one sandbox.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `operation-<uuid>` or `sandbox-<sandbox id>`; nothing else is a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(operation|sandbox)-[A-Za-z0-9-]+$"))]
pub struct Stream(String);

/// The text is not a stream's name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("stream must be operation-<id> or sandbox-<id>, of letters, digits and dashes, at most 128 long")]
pub struct NotAStream;

impl Stream {
    /// The stream of one operation.
    pub fn operation(id: Uuid) -> Self {
        Self(format!("operation-{id}"))
    }

    /// The stream of one sandbox, by its E2B id; an id that could not be one is refused.
    pub fn sandbox(id: &str) -> Result<Self, NotAStream> {
        format!("sandbox-{id}").parse()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The operation's id, when this is an operation's stream.
    pub fn operation_id(&self) -> Option<Uuid> {
        self.0.strip_prefix("operation-")?.parse().ok()
    }

    /// The sandbox's id, when this is a sandbox's stream.
    pub fn sandbox_id(&self) -> Option<&str> {
        self.0.strip_prefix("sandbox-")
    }
}

impl FromStr for Stream {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let id = text.strip_prefix("operation-").or_else(|| text.strip_prefix("sandbox-"));
        let well_formed = |id: &str| {
            !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match id {
            Some(id) if well_formed(id) => Ok(Self(text.to_owned())),
            _ => Err(NotAStream),
        }
    }
}

impl TryFrom<String> for Stream {
    type Error = NotAStream;
    fn try_from(text: String) -> Result<Self, NotAStream> {
        text.parse()
    }
}

impl From<Stream> for String {
    fn from(stream: Stream) -> Self {
        stream.0
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn only_operations_and_sandboxes_have_streams() {
        assert!("sandbox-i123".parse::<Stream>().is_ok());
        for bad in ["", "sandbox-", "operation-../x", "pool-1", "sandbox-a b", "sandbox-a_b"] {
            assert!(bad.parse::<Stream>().is_err(), "{bad}");
        }
    }
}
