//! What the routes beside `/git` take and answer, as types: written to the wire and into the document.

use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Repo};
use gitledger_projections::SandboxState;
use gitledger_projections::sandbox_state::{Lease, Phase};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most events in one page.
pub(super) const PAGE_MAX: usize = 1000;
/// The longest wait for a new event, in seconds.
pub(super) const WAIT_MAX_S: u64 = 30;

/// Which page of events.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Page {
    /// Only events after this position; pass the last page's `next`.
    #[serde(default)]
    pub after: u64,
    /// How many events at most; more than 1000 is taken as 1000.
    #[serde(default = "hundred")]
    pub limit: usize,
    /// How long to hold back an empty page until there is an event, in seconds; more than 30 is taken as 30.
    #[serde(default)]
    pub wait: u64,
}

fn hundred() -> usize {
    100
}

/// A page of events.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventsPage {
    /// Each as a CloudEvent (structured JSON), in the ledger's order.
    #[schemars(with = "Vec<CloudEvent>")]
    pub events: Vec<Value>,
    /// The position to ask for more after.
    pub next: u64,
}

/// An event as the outside knows it: CloudEvents 1.0. Never written from here: the ledger writes it.
#[derive(JsonSchema)]
#[allow(dead_code)] // a shape only
struct CloudEvent {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    id: uuid::Uuid,
    source: String,
    /// `gitledger.` and the event's type.
    r#type: String,
    /// The stream.
    subject: String,
    time: Timestamp,
    /// Its place in its stream, from 1.
    sequence: String,
    /// Its place in the whole ledger.
    position: u64,
    /// What happened.
    data: Value,
}

/// The sandboxes that are alive.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sandboxes {
    pub sandboxes: Vec<Sandbox>,
}

/// A sandbox as callers know it: by the same name as in answers, without the fold's own book-keeping.
#[derive(Serialize, JsonSchema)]
#[allow(clippy::struct_field_names)] // `sandbox_id` as in answers
pub(super) struct Sandbox {
    /// Name it in operations.
    pub sandbox_id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Who had it last.
    pub actor: Actor,
    /// The API key that owns it; none is the operator's.
    pub key_id: Option<String>,
    /// The repository in it.
    pub repo: Option<Repo>,
    /// The working copy in it, once there is one.
    pub workspace: Option<WorkspaceOpened>,
    /// The last lease that was not released; it may have lapsed.
    pub lease: Option<Lease>,
    /// The E2B template.
    pub template: String,
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// When its creation was recorded.
    pub created_at: Option<Timestamp>,
    /// When it ends, unless it is extended.
    pub expires_at: Option<Timestamp>,
    /// When something was last done with it.
    pub last_used_at: Option<Timestamp>,
}

impl From<&SandboxState> for Sandbox {
    fn from(state: &SandboxState) -> Self {
        Self {
            sandbox_id: state.id.clone(),
            phase: state.phase.clone(),
            actor: state.actor.clone(),
            key_id: state.key_id.clone(),
            repo: state.repo.clone(),
            workspace: state.workspace.clone(),
            lease: state.lease.clone(),
            template: state.template.clone(),
            vcpu: state.vcpu,
            memory_mb: state.memory_mb,
            created_at: state.created_at,
            expires_at: state.expires_at,
            last_used_at: state.last_used_at,
        }
    }
}

/// The gateway answers, and its ledger does.
#[derive(Serialize, JsonSchema)]
pub(super) struct Health {
    #[schemars(extend("const" = "ok"))]
    pub status: &'static str,
    /// The ledger's last position.
    pub position: u64,
}

/// What there is to ask for.
#[derive(Serialize, JsonSchema)]
pub(super) struct Index {
    pub name: &'static str,
    pub version: &'static str,
    /// One per git operation.
    pub operations: Vec<IndexLine>,
    /// Everything else.
    pub others: Vec<IndexLine>,
}

/// A route in one line.
#[derive(Serialize, JsonSchema)]
pub(super) struct IndexLine {
    /// Method and path.
    pub route: String,
    /// What it is for.
    pub summary: String,
}
