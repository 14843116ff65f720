//! An event as every engine writes it down, both ways; and what is too large to be written.

use std::borrow::Cow;

use gitledger_events::{Actor, NewEvent, Record, Repo, Stream};
#[cfg(feature = "sqlite")]
use gitledger_events::{Event, Fact};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::append::{COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::{AppendError, Commit, Expected, LedgerError};

/// What of the envelope no engine ever looks anything up by.
#[derive(Serialize, Deserialize)]
struct Meta<'a> {
    schema_version: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_unknown")]
    actor: Cow<'a, Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repo: Option<Cow<'a, Repo>>,
    correlation_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
}

#[allow(clippy::ptr_arg)] // the shape that serde asks for
fn is_unknown(actor: &Cow<'_, Actor>) -> bool {
    actor.is_unknown()
}

/// An event, ready to be written.
#[derive(Debug)]
pub struct WrittenEvent {
    pub id: Uuid,
    pub name: &'static str,
    /// Microseconds since 1970, UTC.
    pub recorded_at_us: i64,
    pub meta: String,
    pub data: Box<RawValue>,
}

/// A commit, ready to be written: encoded and measured before any lock is taken or request is sent.
#[derive(Debug)]
pub struct WrittenCommit {
    pub id: Uuid,
    pub stream: Stream,
    pub expected: Expected,
    pub events: Vec<WrittenEvent>,
}

/// The parts of an event as they were read back, borrowed from wherever they lie.
#[derive(Clone, Copy, Debug)]
pub struct ReadEvent<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub recorded_at_us: i64,
    pub meta: &'a str,
    pub data: &'a str,
}

impl WrittenCommit {
    /// Encodes; refuses what is over a limit.
    pub fn new(commit: Commit) -> Result<Self, AppendError> {
        let count = commit.events.len();
        if count == 0 || count > COMMIT_EVENTS_MAX {
            return Err(AppendError::Count { count, max: COMMIT_EVENTS_MAX });
        }
        let mut events = Vec::with_capacity(count);
        let mut commit_bytes = 0;
        for event in &commit.events {
            let written = WrittenEvent::new(event)?;
            commit_bytes += written.data.get().len() + written.meta.len();
            events.push(written);
        }
        at_most("a commit", commit_bytes, COMMIT_BYTES_MAX)?;
        Ok(Self { id: commit.id, stream: commit.stream, expected: commit.expected, events })
    }
}

impl WrittenEvent {
    fn new(event: &NewEvent) -> Result<Self, AppendError> {
        let unwritable = |error| LedgerError::at("an event cannot be written as JSON", error);
        let data = event.fact.to_json().map_err(unwritable)?;
        at_most("an event's data", data.get().len(), EVENT_BYTES_MAX)?;
        let meta = Meta {
            schema_version: event.fact.schema_version(),
            operation: event.operation.as_deref().map(Cow::Borrowed),
            actor: Cow::Borrowed(&event.actor),
            repo: event.repo.as_ref().map(Cow::Borrowed),
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
        };
        let meta = serde_json::to_string(&meta).map_err(unwritable)?;
        let recorded_at_us = event.recorded_at.as_microsecond();
        Ok(Self { id: event.id, name: event.fact.name(), recorded_at_us, meta, data })
    }
}

impl ReadEvent<'_> {
    /// The record at its place, or why these are not the parts of one.
    pub fn record(&self, stream: Stream, version: u64) -> Result<Record, String> {
        let (meta, recorded_at) = (self.meta()?, self.recorded_at()?);
        Ok(Record {
            id: self.id,
            stream,
            version,
            name: self.name.to_owned(),
            schema_version: meta.schema_version,
            recorded_at,
            operation: meta.operation.map(Cow::into_owned),
            actor: meta.actor.into_owned(),
            repo: meta.repo.map(Cow::into_owned),
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id,
            data: RawValue::from_string(self.data.to_owned()).map_err(|error| error.to_string())?,
        })
    }

    /// The event at its place, its fact read straight from where it lies; or why these are not the parts of one.
    #[cfg(feature = "sqlite")]
    pub fn event(&self, stream: Stream, version: u64) -> Result<Event, String> {
        let (meta, recorded_at) = (self.meta()?, self.recorded_at()?);
        let fact = Fact::decode(self.name, meta.schema_version, self.data);
        let event = NewEvent {
            id: self.id,
            recorded_at,
            operation: meta.operation.map(Cow::into_owned),
            actor: meta.actor.into_owned(),
            repo: meta.repo.map(Cow::into_owned),
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id,
            fact: fact.map_err(|error| error.to_string())?,
        };
        Ok(Event { stream, version, event })
    }

    fn meta(&self) -> Result<Meta<'_>, String> {
        serde_json::from_str(self.meta).map_err(|error| error.to_string())
    }

    fn recorded_at(&self) -> Result<Timestamp, String> {
        Timestamp::from_microsecond(self.recorded_at_us).map_err(|error| error.to_string())
    }
}

/// Refuses what is over a limit.
pub fn at_most(what: &'static str, bytes: usize, max: usize) -> Result<(), AppendError> {
    if bytes > max { Err(AppendError::TooLarge { what, bytes, max }) } else { Ok(()) }
}
