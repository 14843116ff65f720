//! Events to try a ledger with. Ids are counted, so that a case is the same every time.

use gitledger_events::sandbox::SandboxLost;
use gitledger_events::{Actor, NewEvent, Stream};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Commit, Expected};

/// The stream of operation number `number`.
pub fn stream(number: u128) -> Stream {
    Stream::operation(Uuid::from_u128(number))
}

/// A small event that carries a text.
pub fn event(text: impl Into<String>) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        recorded_at: Timestamp::UNIX_EPOCH,
        operation: None,
        actor: Actor::default(),
        repo: None,
        correlation_id: Uuid::nil(),
        causation_id: None,
        fact: SandboxLost { evidence: text.into() }.into(),
    }
}

/// A commit of one small event.
pub fn commit(id: u128, stream: Stream, expected: Expected) -> Commit {
    commit_of(id, stream, expected, vec![event(format!("commit {id}"))])
}

/// A commit of given events.
pub fn commit_of(id: u128, stream: Stream, expected: Expected, events: Vec<NewEvent>) -> Commit {
    Commit { id: Uuid::from_u128(id), stream, expected, events }
}
