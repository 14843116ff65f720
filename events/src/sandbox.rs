//! The facts of a sandbox's stream. The stream is also the lock on its workspace.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Elapsed;

/// It exists, and costs from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxCreated {
    /// The request it answers.
    pub request_id: Uuid,
    /// The E2B template.
    pub template: String,
    /// Virtual processors allocated.
    pub vcpu: u32,
    /// Memory allocated, in MiB.
    pub memory_mb: u32,
    /// From the call to the answer.
    pub creation_ms: Elapsed,
    /// When E2B kills it, unless it is extended.
    pub expires_at: Timestamp,
}

/// Where the sandbox of a lease came from. `named` is the caller's choice and says nothing about reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reuse {
    /// The caller named it.
    Named,
    /// It was ready and had the repository.
    Ready,
    /// It was paused and was resumed.
    Paused,
    /// It was warm, from the pool.
    Warm,
    /// It was made for this.
    New,
}

impl Reuse {
    /// A cache hit (`Some(true)`), a miss (`Some(false)`), or no question of a cache at all.
    pub fn hit(self) -> Option<bool> {
        match self {
            Self::Named => None,
            Self::Ready | Self::Paused | Self::Warm => Some(true),
            Self::New => Some(false),
        }
    }
}

/// One operation has the workspace for itself, until an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxLeased {
    /// Whose lease.
    pub operation_id: Uuid,
    /// One more than the last lease's; a later epoch makes an earlier one void.
    pub epoch: u64,
    /// When it lapses.
    pub until: Timestamp,
    /// Where the sandbox came from.
    pub reuse: Reuse,
}

/// The lease ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxReleased {
    /// Whose lease.
    pub operation_id: Uuid,
    /// Which one.
    pub epoch: u64,
    /// How long it was held.
    pub held_ms: Elapsed,
}

/// A repository's working copy is in the sandbox; what later operations need to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceOpened {
    /// The absolute path inside the sandbox.
    pub path: String,
    /// Where it came from, without credentials.
    pub repo_url: String,
    /// The branch the work started from.
    pub base_branch: String,
    /// The agent's own branch.
    pub branch: String,
}

/// It lives longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxExtended {
    /// Until when.
    pub expires_at: Timestamp,
}

/// A caller asked that it is kept otherwise than the policy says, from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxKept {
    /// It is paused when it had nothing to do for so long, in seconds; 0: never. `None`: as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_s: Option<u64>,
    /// It ends when it had nothing to do for so long, in seconds. `None`: as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
}

/// It sleeps and costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxPaused {}

/// It runs again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxResumed {
    /// From the call to the answer.
    pub resume_ms: Elapsed,
    /// When E2B kills it, unless it is extended.
    pub expires_at: Timestamp,
}

/// Why a sandbox was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KillReason {
    /// A caller asked for it.
    Requested,
    /// It had nothing to do for too long.
    Idle,
    /// The operation that made it failed before it was of use.
    Unused,
    /// The reaper found it without an owner.
    Leaked,
    /// The program that owned it stopped.
    Shutdown,
}

/// It was killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxKilled {
    /// Why.
    pub reason: KillReason,
}

/// It reached the end of its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxExpired {}

/// It is gone and nobody here did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxLost {
    /// How it was noticed.
    pub evidence: String,
}
