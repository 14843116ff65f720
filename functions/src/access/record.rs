//! What is kept of a key.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Grant};

/// One key of the file. A revoked one stays, so that an id in an event keeps its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)] // what a newer program restricts, an older one must not overlook
pub struct KeyRecord {
    /// What its operator calls it.
    pub name: String,
    /// Of its secret.
    pub secret_sha256: Digest,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// What it may, and its id.
    pub grant: Arc<Grant>,
}

impl KeyRecord {
    /// Why it is void at `now`; `None` while it is good.
    pub fn void(&self, now: Timestamp) -> Option<&'static str> {
        if self.revoked_at.is_some() {
            return Some("revoked");
        }
        self.expires_at.is_some_and(|at| at <= now).then_some("expired")
    }
}
