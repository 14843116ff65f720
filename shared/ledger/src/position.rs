//! An event's place in the whole ledger.

use std::fmt;

use gitledger_events::Record;

/// Opaque and ordered. Callers compare positions and hand them back; they never compute with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// For ledgers, which number their events, and for reading back what [`Position::as_u64`] wrote.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// For ledgers, and for writing a position down.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event with its place in the whole ledger.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place in the whole ledger.
    pub position: Position,
    /// The event, as stored.
    pub record: Record,
}

impl Recorded {
    /// The CloudEvent with its place in the whole ledger as the extension `position`.
    pub fn cloud_event(&self) -> serde_json::Value {
        let mut event = self.record.cloud_event();
        event["position"] = self.position.as_u64().into();
        event
    }
}
