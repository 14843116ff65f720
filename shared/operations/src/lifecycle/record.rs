//! One sandbox as callers know it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a sandbox is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxPhase {
    /// It runs and costs.
    Running,
    /// It sleeps and costs nothing.
    Paused,
    /// It is no more.
    Gone,
}

/// One sandbox as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxRecord {
    /// Name it in operations.
    pub sandbox_id: String,
    /// Where it is in its life.
    pub phase: SandboxPhase,
    /// Who had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// For which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The repository in it, `host/owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch that its workspace was opened on, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// True while it waits in the pool for whoever comes.
    pub pooled: bool,
    /// The operation that has it for itself now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_by: Option<Uuid>,
    /// The E2B template.
    pub template: String,
    /// Virtual processors.
    pub vcpu: u32,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// How long it has run so far, in seconds; pauses are not counted.
    pub ran_s: u64,
    /// When its creation was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub created_at: Option<Timestamp>,
    /// When something was last done with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_used_at: Option<Timestamp>,
    /// When it ends, unless it is used or kept alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
}
