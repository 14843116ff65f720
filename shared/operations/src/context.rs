//! What an operation knows besides its input. All of it is handed in.

use gitledger_events::Actor;
use gitledger_events::sandbox::WorkspaceOpened;
use jiff::Timestamp;
use uuid::Uuid;

use crate::record::Found;
use crate::{Envelope, PushPolicy, Remotes};

/// The workspace's directory, relative to the sandbox user's home.
pub const WORKSPACE: &str = "workspace";

/// The world, as far as a decision may see it.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The operation.
    pub operation_id: Uuid,
    /// Who asked; from the request, else from the workspace.
    pub actor: &'a Actor,
    /// The sandbox's id.
    pub sandbox_id: &'a str,
    /// The working copy that the ledger says is in the sandbox; `None` before the first clone.
    pub workspace: Option<&'a WorkspaceOpened>,
    /// Which remotes are admitted.
    pub remotes: &'a Remotes,
    /// What may be pushed. Whatever sends something to a remote asks [`PushPolicy::judge`] first.
    pub policy: &'a PushPolicy,
    /// When the operation was requested; commits carry this time, so that a repeat makes the same commit.
    pub requested_at: Timestamp,
    /// What the ledger has, as far as the operation wants to know it.
    pub found: &'a Found,
    /// What was asked besides the input. Whoever makes a context has [`Envelope::NONE`]; the declaration
    /// puts the caller's in its place.
    pub envelope: &'a Envelope,
    /// From 0 to 1, drawn once per operation; spreads retries.
    pub jitter: f64,
}

impl Context<'_> {
    /// Where a file of this operation may lie inside the sandbox for as long as it runs: in memory, not
    /// on a disk, and under a name nobody else uses.
    pub fn scratch(&self, name: &str) -> String {
        format!("/dev/shm/gitledger-{}/{name}", self.operation_id)
    }
}
