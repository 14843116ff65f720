//! The envelope: what every event carries around its fact.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Actor, DecodeError, Fact, Repo, Stream};

/// An event on its way into the ledger: everything but its place.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// UUIDv7, or derived from the operation where a retry must make the same one.
    pub id: Uuid,
    /// The producer's clock; information only, never order.
    pub recorded_at: Timestamp,
    /// The operation's name, for example `commit`.
    pub operation: Option<String>,
    /// Who asked.
    pub actor: Actor,
    /// The repository.
    pub repo: Option<Repo>,
    /// The operation that all this belongs to.
    pub correlation_id: Uuid,
    /// The event or command that led to this one.
    pub causation_id: Option<Uuid>,
    /// What happened.
    pub fact: Fact,
}

/// An event with its place in its stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The stream.
    pub stream: Stream,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// The rest.
    pub event: NewEvent,
}

/// An event as it is stored and as it goes over the wire: the fact still in JSON, so that a ledger
/// never has to understand what it keeps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Event", description = "An immutable fact with its place in its stream.")]
pub struct Record {
    /// Unique; the append is idempotent by its commit, this one names the event.
    pub id: Uuid,
    /// `operation-<id>` or `sandbox-<id>`.
    pub stream: Stream,
    /// Place in the stream, from 1.
    pub version: u64,
    /// The event type.
    #[serde(rename = "type")]
    pub name: String,
    /// The version of the type's shape.
    pub schema_version: u16,
    /// The producer's clock; information only, never order.
    pub recorded_at: Timestamp,
    /// The operation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Actor::is_unknown")]
    pub actor: Actor,
    /// The repository, `host/owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repo>,
    /// The operation that this belongs to.
    pub correlation_id: Uuid,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The fact, in the shape of its type.
    #[schemars(with = "serde_json::Value")]
    pub data: Box<RawValue>,
}

impl Record {
    /// Writes an event down at its place.
    pub fn new(stream: Stream, version: u64, event: &NewEvent) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: event.id,
            stream,
            version,
            name: event.fact.name().to_owned(),
            schema_version: event.fact.schema_version(),
            recorded_at: event.recorded_at,
            operation: event.operation.clone(),
            actor: event.actor.clone(),
            repo: event.repo.clone(),
            correlation_id: event.correlation_id,
            causation_id: event.causation_id,
            data: event.fact.to_json()?,
        })
    }

    /// Reads the fact, whatever version it was written in.
    pub fn fact(&self) -> Result<Fact, DecodeError> {
        Fact::decode(&self.name, self.schema_version, self.data.get())
    }

    /// The whole event.
    pub fn decode(self) -> Result<Event, DecodeError> {
        let fact = self.fact()?;
        Ok(Event {
            stream: self.stream,
            version: self.version,
            event: NewEvent {
                id: self.id,
                recorded_at: self.recorded_at,
                operation: self.operation,
                actor: self.actor,
                repo: self.repo,
                correlation_id: self.correlation_id,
                causation_id: self.causation_id,
                fact,
            },
        })
    }
}

impl TryFrom<&Event> for Record {
    type Error = serde_json::Error;
    fn try_from(event: &Event) -> Result<Self, serde_json::Error> {
        Self::new(event.stream.clone(), event.version, &event.event)
    }
}
