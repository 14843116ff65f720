//! What the ledger keeps of operations, as far as other operations ask for it, and those that ask only for
//! that.
//!
//! A decision stays pure: an operation says what it wants to know ([`Wants`]), whoever runs it looks it up
//! and hands it in ([`Found`]).

pub mod operation_cancel;
pub mod operation_get;
pub mod operation_list;

use gitledger_events::operation::{RefChange, SideEffect};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::failure::codes;
use crate::lifecycle::SandboxRecord;
use crate::lifecycle::sandbox_lifecycle::Seen;
use crate::lifecycle::sandbox_reap::SandboxReapOutput;
use crate::lifecycle::sandbox_warm::SandboxWarmOutput;
use crate::{Context, Failure};

/// What an operation wants to know of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wants {
    /// Nothing.
    #[default]
    Nothing,
    /// One operation, whole.
    Operation(Uuid),
    /// The newest operations, without their inputs and outputs.
    Newest,
    /// One operation; if it is under way, it is stopped.
    Stop(Uuid),
    /// Every sandbox that is alive.
    Sandboxes,
    /// One sandbox, alive or gone.
    Sandbox(String),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Found {
    /// Nothing was wanted, or there is no such operation.
    #[default]
    Nothing,
    /// The operation.
    Operation(Box<OperationRecord>),
    /// The newest first.
    Newest(Vec<OperationRecord>),
    /// The operation, and whether something of it was running and was told to stop.
    Stopped(Box<OperationRecord>, bool),
    /// By id.
    Sandboxes(Vec<SandboxRecord>),
    /// The sandbox, and whether what was asked for has changed it; of one that was asked for, whether it is new.
    Sandbox(Box<SandboxRecord>, bool),
    /// What a look at a sandbox came to.
    Seen(Seen),
    /// What became of the pool.
    Warmed(SandboxWarmOutput),
    /// What was closed, paused and ended.
    Reaped(SandboxReapOutput),
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has no outcome yet.
    Running,
    /// It was done.
    Succeeded,
    /// git or the platform said no.
    Failed,
    /// It is over, and what became of it cannot be told.
    Unknown,
}

/// One operation as the ledger has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRecord {
    /// Its id.
    pub id: Uuid,
    /// Its name, for example `commit`.
    pub operation: String,
    /// How far it is.
    pub state: State,
    /// For which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// For which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The repository, `host/owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// When it was asked for.
    #[schemars(with = "String")]
    pub requested_at: Timestamp,
    /// When its outcome was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a failure left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side_effect: Option<SideEffect>,
    /// HEAD before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_before: Option<String>,
    /// HEAD after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_after: Option<String>,
    /// References that it moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs_changed: Vec<RefChange>,
    /// What was asked, as it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub input: Option<Value>,
    /// What was answered, as far as it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub output: Option<Value>,
    /// What happened, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Happened>,
}

/// One event of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Happened {
    /// The event's type.
    pub event: String,
    /// When it was recorded.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// The operation that was asked about, or the failure that there is none.
pub(crate) fn found<'a>(context: &Context<'a>, id: Uuid) -> Result<&'a OperationRecord, Box<Failure>> {
    match context.found {
        Found::Operation(record) | Found::Stopped(record, _) if record.id == id => Ok(record),
        _ => {
            let message = format!("The ledger has no operation {id}.");
            Err(Box::new(Failure::new(codes::OPERATION_NOT_FOUND, message)))
        }
    }
}
