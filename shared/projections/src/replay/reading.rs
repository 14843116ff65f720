//! From a stored event to its brief: of the JSON only what counts is read, and where nothing does, none.

use std::borrow::Cow;

use gitledger_events::fact::TYPES;
use gitledger_events::sandbox::Reuse;
use gitledger_events::{Elapsed, Event, NewEvent};
use jiff::Timestamp;
use serde::Deserialize;

use super::brief::{Brief, Kind, REUSE_NAMED, REUSE_NEW, REUSE_PAUSED, REUSE_READY, REUSE_WARM};
use super::names::Names;

/// A stored event, borrowed from wherever it is.
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// Its place in the ledger.
    pub position: u64,
    /// `operation-<id>` or `sandbox-<id>`.
    pub stream: &'a str,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// The event type.
    pub name: &'a str,
    /// Microseconds since 1970.
    pub at: i64,
    /// The envelope as JSON: `schema_version`, `operation`, `actor`, `repo`; more is passed over.
    pub meta: &'a str,
    /// The fact as JSON.
    pub data: &'a str,
}

/// An event that this program does not understand; no projection counts it.
#[derive(Debug, thiserror::Error)]
#[error("event {position} ({name}) cannot be read: {reason}")]
pub struct Unreadable {
    /// Its place in the ledger.
    pub position: u64,
    /// Its type.
    pub name: String,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
struct Meta<'a> {
    schema_version: u16,
    #[serde(borrow, default)]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    actor: Actor<'a>,
    #[serde(borrow, default)]
    repo: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
struct Actor<'a> {
    #[serde(borrow, default)]
    agent_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Ended<'a> {
    duration_ms: Elapsed,
    git_ms: Elapsed,
    sandbox_wait_ms: Elapsed,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Created {
    vcpu: u32,
    memory_mb: u32,
    creation_ms: Elapsed,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Leased {
    epoch: u64,
    until: Timestamp,
    reuse: Reuse,
}

#[derive(Deserialize)]
struct Released {
    epoch: u64,
}

#[derive(Deserialize)]
struct Extended {
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Resumed {
    resume_ms: Elapsed,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Pushed {
    attempt: u32,
}

/// What reads JSON. Another than `serde_json` is for comparisons.
pub trait ReadJson {
    /// Reads one value; the error is a sentence.
    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String>;
}

/// `serde_json`, which everything else here uses too.
#[derive(Clone, Copy, Debug)]
pub struct SerdeJson;

impl ReadJson for SerdeJson {
    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// The brief of an event that was read whole already: from another ledger than a file.
pub fn in_brief(position: u64, event: &Event, names: &mut Names) -> Result<Brief, Unreadable> {
    let NewEvent { recorded_at, operation, actor, repo, fact, .. } = &event.event;
    let unwritable = |error: serde_json::Error| Unreadable {
        position,
        name: fact.name().to_owned(),
        reason: error.to_string(),
    };
    let meta = serde_json::json!({"schema_version": fact.schema_version(), "operation": operation, "actor": actor, "repo": repo});
    let (meta, data) = (meta.to_string(), fact.to_json().map_err(unwritable)?);
    let stream = event.stream.to_string();
    let (version, name, at) = (event.version, fact.name(), recorded_at.as_microsecond());
    RawEvent { position, stream: &stream, version, name, at, meta: &meta, data: data.get() }.brief(names)
}

impl RawEvent<'_> {
    /// Its brief. An error means what it means to the projector: the event is put aside.
    pub fn brief(&self, names: &mut Names) -> Result<Brief, Unreadable> {
        // As we write it, it is read at once; as others might, by a reader that knows all of JSON.
        self.plainly(names).map_or_else(|| self.brief_by::<SerdeJson>(names), Ok)
    }

    /// Its brief, by a reader of JSON.
    pub fn brief_by<R: ReadJson>(&self, names: &mut Names) -> Result<Brief, Unreadable> {
        let unreadable = |reason: String| Unreadable {
            position: self.position,
            name: self.name.chars().take(64).collect(),
            reason,
        };
        let meta: Meta<'_> = R::read(self.meta).map_err(unreadable)?;
        match TYPES.iter().find(|(name, _)| *name == self.name) {
            None => return Err(unreadable("no such event type".to_owned())),
            Some((_, known)) if meta.schema_version > *known => {
                return Err(unreadable("a newer program wrote it".to_owned()));
            }
            Some(_) => {}
        }
        let mut brief = Brief {
            position: self.position,
            at: self.at,
            first: self.version == 1,
            agent: names.optional(meta.actor.agent_id.as_deref()),
            repo: names.optional(meta.repo.as_deref()),
            operation: names.optional(meta.operation.as_deref()),
            sandbox: names.optional(self.stream.strip_prefix("sandbox-")),
            ..Brief::default()
        };
        self.fill::<R>(&mut brief, names).map_err(unreadable)?;
        Ok(brief)
    }

    fn fill<R: ReadJson>(&self, brief: &mut Brief, names: &mut Names) -> Result<(), String> {
        brief.kind = match self.name {
            "OperationRequested" => Kind::Requested,
            "ConflictDetected" => Kind::Conflict,
            "OperationAbandoned" => Kind::Abandoned,
            "OperationSucceeded" => self.ended::<R>(brief, names, Kind::Succeeded)?,
            "OperationFailed" => self.ended::<R>(brief, names, Kind::Failed)?,
            "PushAttempted" => {
                let pushed: Pushed = R::read(self.data)?;
                brief.small = u16::try_from(pushed.attempt).unwrap_or(u16::MAX);
                Kind::Pushed
            }
            "SandboxCreated" => {
                let created: Created = R::read(self.data)?;
                brief.a = created.creation_ms.as_micros();
                brief.b = micros(created.expires_at);
                brief.small = u16::try_from(created.vcpu).unwrap_or(u16::MAX);
                brief.code = created.memory_mb;
                Kind::Created
            }
            "SandboxLeased" => {
                let leased: Leased = R::read(self.data)?;
                (brief.a, brief.b, brief.small) = (leased.epoch, micros(leased.until), of(leased.reuse));
                Kind::Leased
            }
            "SandboxReleased" => {
                brief.a = R::read::<Released>(self.data)?.epoch;
                Kind::Released
            }
            "SandboxExtended" => {
                brief.b = micros(R::read::<Extended>(self.data)?.expires_at);
                Kind::Extended
            }
            "SandboxResumed" => {
                let resumed: Resumed = R::read(self.data)?;
                (brief.a, brief.b) = (resumed.resume_ms.as_micros(), micros(resumed.expires_at));
                Kind::Resumed
            }
            "SandboxPaused" => Kind::Paused,
            "SandboxKilled" => Kind::Killed,
            "SandboxExpired" => Kind::Expired,
            "SandboxLost" => Kind::Lost,
            _ => Kind::Other,
        };
        Ok(())
    }

    fn ended<R: ReadJson>(&self, brief: &mut Brief, names: &mut Names, kind: Kind) -> Result<Kind, String> {
        let ended: Ended<'_> = R::read(self.data)?;
        brief.a = ended.duration_ms.as_micros();
        brief.b = ended.git_ms.as_micros();
        brief.c = ended.sandbox_wait_ms.as_micros();
        brief.code = names.optional(ended.code.as_deref());
        Ok(kind)
    }
}

/// Microseconds since 1970; nothing of ours expired before.
fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or(0)
}

fn of(reuse: Reuse) -> u16 {
    match reuse {
        Reuse::Named => REUSE_NAMED,
        Reuse::Ready => REUSE_READY,
        Reuse::Paused => REUSE_PAUSED,
        Reuse::Warm => REUSE_WARM,
        Reuse::New => REUSE_NEW,
    }
}
