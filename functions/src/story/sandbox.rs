//! The sandbox of one operation: looking into it, and giving it back.

use std::time::Duration;

use gitledger_events::sandbox::{KillReason, Reuse, SandboxKept, WorkspaceOpened};
use gitledger_events::{Actor, Fact, Repo};
use gitledger_operations::failure::codes;
use gitledger_operations::{Exit, Failure};
use gitledger_sandboxes::lease_state::{LeaseState, Life};
use gitledger_sandboxes::reconcile::Action;
use gitledger_sandboxes::{Lease, LeaseError, LeaseRequest, Origin, SandboxError};
use jiff::SignedDuration;

use super::outcome::{End, Work};
use super::recorder::Recorder;
use super::running::Running;
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
    /// True when another task had it before.
    pub shared: bool,
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

/// Others may be waking it at the same moment, or just putting it to sleep.
async fn wake(running: &Running<'_>, sandbox_id: &str, origin: &Origin) -> Result<(), LeaseError> {
    let sandboxes = &running.world.sandboxes;
    let request = request(running, sandbox_id, Reuse::Named);
    let mut lease = sandboxes.lease_waiting(&request, origin, running.time / 2).await?;
    let resumed = if lease.state.life == Life::Paused {
        let life = life(running.world, &lease.state);
        sandboxes.resume(&mut lease, life).await
    } else {
        Ok(())
    };
    sandboxes.release(&lease, Vec::new()).await?;
    resumed
}

/// Makes sure that a leased sandbox runs, and lives long enough for the next operation too.
pub(crate) async fn ready(running: &Running<'_>, lease: &mut Lease) -> Result<(), LeaseError> {
    let world = running.world;
    let life = life(world, &lease.state);
    if lease.state.life == Life::Paused {
        return world.sandboxes.resume(lease, life).await;
    }
    // Extended at half its life, so that most operations do not have to ask.
    let left = lease.state.expires_at.map(|end| end.duration_since(world.clock.now()));
    match left {
        Some(left) if left < SignedDuration::try_from(life / 2).unwrap_or(SignedDuration::MAX) => {
            world.sandboxes.extend(lease, life).await
        }
        _ => Ok(()),
    }
}

/// Takes out what another task has left. False when that could not be done; then nobody gets it so.
pub(crate) async fn wiped(running: &Running<'_>, lease: &Lease) -> bool {
    let tag = format!("{}-wipe", running.request.operation_id);
    let plan = gitledger_operations::lifecycle::wipe();
    match running.world.sandboxes.run(&lease.sandbox_id, &tag, &plan, None).await {
        Ok(exits) if exits.steps.len() == plan.steps.len() && exits.steps.iter().all(Exit::ok) => true,
        Ok(exits) => {
            tracing::warn!(?exits, sandbox_id = lease.sandbox_id, "sandbox not cleaned");
            false
        }
        Err(error) => {
            tracing::warn!(%error, sandbox_id = lease.sandbox_id, "sandbox not cleaned");
            false
        }
    }
}

/// How the sandbox is kept from now on, where this call said so, or an earlier task's wish is void.
pub(crate) fn kept(running: &Running<'_>, leased: &Leased) -> Option<Fact> {
    let keep = running.asked.envelope().keep;
    let said = keep.pause_after_s.is_some() || keep.ttl_s.is_some();
    let (pause_after_s, ttl_s) = (keep.pause_after_s, keep.ttl_s);
    (said || leased.shared).then(|| SandboxKept { pause_after_s, ttl_s }.into())
}

/// Closes the operation and gives the sandbox back, at the same moment.
pub(crate) async fn finish(
    running: &Running<'_>,
    recorder: &mut Recorder,
    leased: Leased,
    work: Work,
) -> Result<Answer, Refusal> {
    let sandboxes = &running.world.sandboxes;
    let opened = work.opened().cloned().map(Fact::from);
    let facts: Vec<Fact> = opened.into_iter().chain(kept(running, &leased)).collect();
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

/// The sandbox is no more, by its host's answer: the ledger is told, so that nobody leases it again.
pub(crate) async fn note_end(running: &Running<'_>, workspace: &Workspace) {
    let action = Action::Missing { sandbox_id: workspace.sandbox_id.clone() };
    let origin = origin(running, workspace);
    if let Err(error) = running.world.sandboxes.settle(&action, &origin).await {
        tracing::warn!(%error, sandbox_id = workspace.sandbox_id, "end of sandbox not recorded; the reaper will");
    }
}

pub(crate) fn origin(running: &Running<'_>, workspace: &Workspace) -> Origin {
    let mut recorder = Recorder::new(running, None);
    recorder.adopt(&workspace.actor, workspace.repo.as_ref());
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

/// How long a sandbox lives from now on without being used.
pub(crate) fn life(world: &World, state: &LeaseState) -> Duration {
    Duration::from_secs(state.ttl_s.unwrap_or(world.sandbox_policy.ttl_s))
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
