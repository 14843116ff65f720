//! What is appended, under which condition, and what comes of it.

use gitledger_events::{NewEvent, Stream};
use uuid::Uuid;

use crate::Position;

/// The largest data of one event, in bytes of JSON. DynamoDB's item limit (400 KB) less room for the
/// envelope and for a commit's other events; the same on every engine, so that a ledger can move.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// The largest commit, in bytes of JSON: a DynamoDB item holds at most 400 KB.
pub const COMMIT_BYTES_MAX: usize = 360 * 1024;
/// The most events in one commit.
pub const COMMIT_EVENTS_MAX: usize = 1000;

/// One or several events for one stream, appended together.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Makes the append idempotent within its stream.
    pub id: Uuid,
    /// Where to.
    pub stream: Stream,
    /// What the stream must look like.
    pub expected: Expected,
    /// In order; at least one.
    pub events: Vec<NewEvent>,
}

/// What the stream must look like for an append to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No event yet.
    Empty,
    /// Exactly this many events.
    Version(u64),
    /// Anything: for outcomes, whose commit id already makes them unique.
    Any,
}

/// An append that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The stream's version after this commit.
    pub version: u64,
    /// The position of the commit's last event; `None` where a sequencer gives positions later.
    pub position: Option<Position>,
    /// True when this commit had been appended before.
    pub repeated: bool,
}
