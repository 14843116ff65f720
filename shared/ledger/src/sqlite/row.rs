//! An event as a row, both ways.

use std::borrow::Cow;

use gitledger_events::{Actor, NewEvent, Record, Repo, Stream};
use jiff::Timestamp;
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::append::{COMMIT_BYTES_MAX, COMMIT_EVENTS_MAX, EVENT_BYTES_MAX};
use crate::{AppendError, Commit, Expected, LedgerError, Position, Recorded};

/// What of the envelope has no column: nothing is ever looked up by it in here.
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
pub struct EventRow {
    pub id: Uuid,
    pub name: &'static str,
    /// Microseconds since 1970, UTC.
    pub recorded_at_us: i64,
    pub meta: String,
    pub data: Box<RawValue>,
}

/// A commit, ready to be written: encoded and measured before any lock is taken.
#[derive(Debug)]
pub struct CommitRows {
    pub id: Uuid,
    pub stream: Stream,
    pub expected: Expected,
    pub events: Vec<EventRow>,
}

impl CommitRows {
    /// Encodes; refuses what is over a limit.
    pub fn new(commit: Commit) -> Result<Self, AppendError> {
        let count = commit.events.len();
        if count == 0 || count > COMMIT_EVENTS_MAX {
            return Err(AppendError::Count { count, max: COMMIT_EVENTS_MAX });
        }
        let mut events = Vec::with_capacity(count);
        let mut commit_bytes = 0;
        for event in &commit.events {
            let row = EventRow::new(event)?;
            commit_bytes += row.data.get().len() + row.meta.len();
            events.push(row);
        }
        at_most("a commit", commit_bytes, COMMIT_BYTES_MAX)?;
        Ok(Self { id: commit.id, stream: commit.stream, expected: commit.expected, events })
    }
}

impl EventRow {
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

fn at_most(what: &'static str, bytes: usize, max: usize) -> Result<(), AppendError> {
    if bytes > max { Err(AppendError::TooLarge { what, bytes, max }) } else { Ok(()) }
}

/// The columns of [`recorded`], in its order, of `events AS e`.
pub const COLUMNS: &str = "e.pos, e.id, e.stream, e.seq, e.type, e.ts, e.meta, e.data";

/// Reads a row of [`COLUMNS`]. A row that is no event is named by its position.
pub fn recorded(row: &Row<'_>) -> Result<Recorded, LedgerError> {
    let position = row.get::<_, i64>(0)?.cast_unsigned();
    let unreadable = |reason: String| LedgerError::Unreadable { position, reason };
    record(row).map(|record| Recorded { position: Position::from_u64(position), record }).map_err(unreadable)
}

fn record(row: &Row<'_>) -> Result<Record, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let id: [u8; 16] = row.get(1).map_err(text)?;
    let stream: String = row.get(2).map_err(text)?;
    let version: i64 = row.get(3).map_err(text)?;
    let meta: String = row.get(6).map_err(text)?;
    let meta: Meta<'_> = serde_json::from_str(&meta).map_err(|error| error.to_string())?;
    let recorded_at = Timestamp::from_microsecond(row.get(5).map_err(text)?);
    let data: String = row.get(7).map_err(text)?;
    Ok(Record {
        id: Uuid::from_bytes(id),
        stream: stream.try_into().map_err(|error: gitledger_events::stream::NotAStream| error.to_string())?,
        version: version.cast_unsigned(),
        name: row.get(4).map_err(text)?,
        schema_version: meta.schema_version,
        recorded_at: recorded_at.map_err(|error| error.to_string())?,
        operation: meta.operation.map(Cow::into_owned),
        actor: meta.actor.into_owned(),
        repo: meta.repo.map(Cow::into_owned),
        correlation_id: meta.correlation_id,
        causation_id: meta.causation_id,
        data: RawValue::from_string(data).map_err(|error| error.to_string())?,
    })
}
