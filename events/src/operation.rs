//! The facts of an operation's stream.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Elapsed;

/// What an operation may do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Changes nothing: no lease, one append at its end.
    Reads,
    /// Changes a workspace: intent, exclusive lease, outcome.
    Writes,
    /// Changes a remote too: what is unknown after a crash is resolved by asking the remote.
    Publishes,
}

/// What is left behind by an operation that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideEffect {
    /// Nothing changed.
    None,
    /// Something changed all the same (a commit was made, its push was refused).
    Applied,
    /// It cannot be told.
    Unknown,
}

/// The intent. Everything that somebody else needs to close the operation if its holder dies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRequested {
    /// What it may do to the world.
    pub effect: Effect,
    /// What was asked, redacted: contents and secrets are not in it.
    pub input: Value,
    /// SHA-256 (hex) of the whole input, to tell a repeat from another request with the same key.
    pub input_digest: String,
    /// The sandbox the caller named, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Which process works on it. A program that starts anew on the same ledger may close at once
    /// what its dead predecessor left open; anybody else waits for the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// After this instant nobody works on it any more.
    pub deadline: Timestamp,
}

/// A sandbox is about to be asked for; appended before E2B is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxRequested {
    /// Goes into the sandbox's metadata, so that a sandbox whose creation was answered to nobody is found.
    pub request_id: Uuid,
    /// The E2B template.
    pub template: String,
    /// The life asked for, in seconds.
    pub timeout_s: u64,
}

/// A push is about to be sent; appended before git is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushPrepared {
    /// From 1.
    pub attempt: u32,
    /// The full name of the remote's reference.
    pub reference: String,
    /// What the remote had; `None` when the reference did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is to have; `None` when the reference is to be taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// True when `new` need not build upon `old`, which is then lost there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// How one push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PushOutcome {
    /// The remote has it.
    Landed,
    /// Somebody else was faster; the next attempt works on top of theirs.
    Superseded,
    /// The remote said no (protected branch, hook).
    Rejected,
    /// It failed before it could land.
    Failed,
    /// The answer was lost; the remote is asked.
    Unknown,
}

/// One push was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushAttempted {
    /// From 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: PushOutcome,
}

/// git could not join two changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictDetected {
    /// The files, relative to the workspace.
    pub paths: Vec<String>,
    /// For each file the two letters of git's index (`UU`, `AA`, `DU`, ...).
    pub kinds: Vec<String>,
}

/// A reference that moved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RefChange {
    /// The full name.
    pub name: String,
    /// Before; `None` when it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// After; `None` when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// Where an operation's time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// From the request to its outcome.
    pub duration_ms: Elapsed,
    /// In the sandbox, running git.
    pub git_ms: Elapsed,
    /// Waiting for a sandbox: lease, creation, resume.
    pub sandbox_wait_ms: Elapsed,
}

/// It was done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OperationSucceeded {
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Where the time went.
    #[serde(flatten)]
    pub timing: Timing,
    /// HEAD before, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_before: Option<String>,
    /// HEAD after, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_after: Option<String>,
    /// References that moved, in the workspace or at the remote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs_changed: Vec<RefChange>,
    /// Bytes that git printed.
    pub bytes: u64,
    /// The answer, to be given again to a repeat. `None` where it would be a diff or file contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// True when it was not its own function that found out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
}

/// git said no, or the platform did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OperationFailed {
    /// Where it ran, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Where the time went. All zero when nothing was started.
    #[serde(flatten)]
    pub timing: Timing,
    /// The stable code.
    pub code: String,
    /// The bounded set of the original: `timeout auth conflict network sandbox_not_found other`.
    pub error_type: String,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// What is left behind.
    pub side_effect: SideEffect,
    /// For people; redacted and capped.
    pub message: String,
    /// What to do, where there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What the failure has to show, for example the conflicting paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// True when it was not its own function that found out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
}

/// Its function died and the reaper closed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationAbandoned {
    /// What the reaper saw.
    pub reason: String,
    /// What is left behind, as far as it can be told.
    pub side_effect: SideEffect,
}

/// Its caller was told to ask later, and somebody else is to go on with it: whoever began it has stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationDeferred {
    /// The sandbox that it has, if it has one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// How long its caller has waited.
    pub waited_ms: Elapsed,
    /// True when the recorded input is the whole input, so that whoever goes on needs nothing else.
    pub input_whole: bool,
}

/// Somebody goes on with it, and nobody else until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationResumed {
    /// Who: an invocation's id, the same when the invocation is tried again.
    pub by: String,
    /// When at the latest they have stopped.
    pub until: Timestamp,
}
