//! The sandbox of one operation: looking into it, and giving it back.

use std::time::Duration;

use gitledger_events::sandbox::{KillReason, Reuse, WorkspaceOpened};
use gitledger_events::{Actor, Fact, Repo};
use gitledger_operations::Failure;
use gitledger_operations::failure::codes;
use gitledger_sandboxes::lease_state::{LeaseState, Life};
use gitledger_sandboxes::reconcile::Action;
use gitledger_sandboxes::{Lease, LeaseError, LeaseRequest, Origin, SandboxError};

use super::Running;
use super::outcome::{End, Work};
use super::recorder::Recorder;
use crate::{Answer, Refusal, World};

/// What an operation needs to know of the sandbox it runs in.
pub(crate) struct Workspace {
    pub sandbox_id: String,
    pub opened: Option<WorkspaceOpened>,
    pub actor: Actor,
    pub repo: Option<Repo>,
    /// The lease's epoch, where there is a lease; the sandbox checks it.
    pub epoch: Option<u64>,
}

/// A sandbox that this operation has for itself.
pub(crate) struct Leased {
    pub lease: Lease,
    pub workspace: Workspace,
    /// Time until it was had.
    pub wait: Duration,
    /// True when it was made for this operation.
    pub new: bool,
}

impl Workspace {
    /// As the ledger tells it.
    pub fn of(sandbox_id: &str, state: &LeaseState) -> Self {
        Self {
            sandbox_id: sandbox_id.to_owned(),
            opened: state.workspace.clone(),
            actor: state.actor.clone(),
            repo: state.repo.clone(),
            epoch: None,
        }
    }

    /// As the ledger tells it to whoever has the lease.
    pub fn leased(lease: &Lease) -> Self {
        Self { epoch: Some(lease.epoch), ..Self::of(&lease.sandbox_id, &lease.state) }
    }
}

/// The sandbox of a read. A sleeping one is woken.
pub(crate) async fn look(
    running: &Running<'_>,
    sandbox_id: &str,
) -> Result<Result<Workspace, Failure>, Refusal> {
    let world = running.world;
    let state = match world.sandboxes.state(sandbox_id).await {
        Ok(state) => state,
        Err(error) => return lease_failure(error).map(Err),
    };
    let workspace = Workspace::of(sandbox_id, &state);
    match state.life {
        Life::Unknown | Life::Gone => Ok(Err(not_found(sandbox_id))),
        Life::Running => Ok(Ok(workspace)),
        Life::Paused => {
            let origin = origin(running, &workspace);
            match wake(running, sandbox_id, &origin).await {
                Ok(()) => Ok(Ok(workspace)),
                Err(error) => lease_failure(error).map(Err),
            }
        }
    }
}

async fn wake(running: &Running<'_>, sandbox_id: &str, origin: &Origin) -> Result<(), LeaseError> {
    let sandboxes = &running.world.sandboxes;
    let mut lease = sandboxes.lease(&request(running, sandbox_id, Reuse::Named), origin).await?;
    let resumed = sandboxes.resume(&mut lease, life(running.world)).await;
    sandboxes.release(&lease, Vec::new()).await?;
    resumed
}

/// Makes sure that a leased sandbox runs, and lives long enough for the next operation too.
pub(crate) async fn ready(running: &Running<'_>, lease: &mut Lease) -> Result<(), LeaseError> {
    let world = running.world;
    if lease.state.life == Life::Paused {
        return world.sandboxes.resume(lease, life(world)).await;
    }
    // Extended at half its life, so that most operations do not have to ask.
    let left = lease.state.expires_at.map(|end| end.duration_since(world.clock.now()));
    match left {
        Some(left) if left.as_secs() < i64::try_from(world.sandbox_ttl_s / 2).unwrap_or(i64::MAX) => {
            world.sandboxes.extend(lease, life(world)).await
        }
        _ => Ok(()),
    }
}

/// Closes the operation and gives the sandbox back, at the same moment.
pub(crate) async fn finish(
    running: &Running<'_>,
    recorder: &mut Recorder,
    leased: Leased,
    work: Work,
) -> Result<Answer, Refusal> {
    let sandboxes = &running.world.sandboxes;
    let facts: Vec<Fact> = work.opened().cloned().map(Fact::from).into_iter().collect();
    let mut lease = leased.lease;
    lease.origin = recorder.origin.clone();
    if leased.new && matches!(work.end, End::Failed(_)) {
        return discard(running, recorder, &lease, work).await;
    }
    let (closed, released) = tokio::join!(recorder.close(running, work), sandboxes.release(&lease, facts));
    if let Err(error) = released {
        // The outcome stands; a lease that could not be released lapses, or died with its sandbox.
        tracing::warn!(%error, sandbox_id = lease.sandbox_id, "lease not released");
    }
    closed.map(|(answer, _)| answer)
}

/// A sandbox that was made for an operation that failed is of no use to anybody. It is ended under its
/// lease, so that nobody can take it in between.
async fn discard(
    running: &Running<'_>,
    recorder: &mut Recorder,
    lease: &Lease,
    work: Work,
) -> Result<Answer, Refusal> {
    let closed = recorder.close(running, work).await;
    let killed = running.world.sandboxes.kill(&lease.sandbox_id, KillReason::Unused, &lease.origin).await;
    if let Err(error) = killed {
        tracing::warn!(%error, sandbox_id = lease.sandbox_id, "unused sandbox not killed; the reaper will");
    }
    closed.map(|(answer, _)| answer)
}

/// The sandbox is certainly no more: the ledger is told, so that nobody leases it again.
pub(crate) async fn note_end(running: &Running<'_>, workspace: &Workspace) {
    let action = Action::Lost { sandbox_id: workspace.sandbox_id.clone() };
    let origin = origin(running, workspace);
    if let Err(error) = running.world.sandboxes.settle(&action, &origin).await {
        tracing::warn!(%error, sandbox_id = workspace.sandbox_id, "end of sandbox not recorded; the reaper will");
    }
}

pub(crate) fn origin(running: &Running<'_>, workspace: &Workspace) -> Origin {
    let mut recorder = Recorder::new(running, None);
    recorder.adopt(workspace);
    recorder.origin
}

pub(crate) fn request(running: &Running<'_>, sandbox_id: &str, reuse: Reuse) -> LeaseRequest {
    LeaseRequest {
        sandbox_id: sandbox_id.to_owned(),
        operation_id: running.request.operation_id,
        until: running.lease_end(),
        reuse,
    }
}

pub(crate) fn life(world: &World) -> Duration {
    Duration::from_secs(world.sandbox_ttl_s)
}

/// A lease that was not had, as a failure; trouble with the ledger is a fault.
pub(crate) fn lease_failure(error: LeaseError) -> Result<Failure, Refusal> {
    match error {
        LeaseError::Busy { by, .. } => {
            Ok(Failure::new(codes::SANDBOX_BUSY, format!("operation {by} has the workspace")))
        }
        LeaseError::Gone | LeaseError::NotFound => {
            Ok(Failure::new(codes::SANDBOX_NOT_FOUND, "there is no such sandbox, or it has ended"))
        }
        LeaseError::TakenOver => Ok(Failure::new(codes::SANDBOX_LOST, "the lease was taken over")),
        LeaseError::Sandbox(error) => Ok(failure(&error)),
        LeaseError::Ledger(error) => Err(error.into()),
    }
}

/// What a sandbox said, as a failure. The text is for people and holds no address and no key.
pub(crate) fn failure(error: &SandboxError) -> Failure {
    tracing::info!(%error, "the sandbox said no");
    let code = error.code();
    Failure::new(code, code.meaning)
}

fn not_found(sandbox_id: &str) -> Failure {
    Failure::new(codes::SANDBOX_NOT_FOUND, format!("there is no sandbox {sandbox_id}, or it has ended"))
}
