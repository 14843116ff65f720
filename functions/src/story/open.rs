//! The beginning of a write: the intent is recorded and a sandbox is had.

use std::time::{Duration, Instant};

use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::Reuse;
use gitledger_events::{Fact, Repo};
use gitledger_ledger::AppendError;
use gitledger_operations::{Failure, Place};
use gitledger_projections::sandboxes::Wanted;
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{Lease, LeaseError, OpenRequest};

use super::Running;
use super::recorder::Recorder;
use super::sandbox::{self, Leased, Workspace};
use crate::Refusal;

/// The longest wait for a workspace that another operation has.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How many sandboxes that fit are tried before a new one is made.
const CANDIDATES_MAX: usize = 3;

/// How a write begins.
pub(crate) enum Opened {
    /// The id was used before.
    Repeat,
    /// The intent is recorded, and there is no sandbox.
    Refused(Recorder, Failure),
    /// The intent is recorded, and the sandbox is this operation's.
    Ready(Recorder, Box<Leased>),
}

pub(crate) async fn begin(running: &Running<'_>) -> Result<Opened, Refusal> {
    match running.asked.place() {
        Place::Named(sandbox_id) => named(running, sandbox_id).await,
        Place::Ledger => Err(Refusal::Fault("nothing is leased for a look into the ledger".to_owned())),
        Place::Opens { repo_url, .. } => {
            let repo = running.world.remotes.admit("repo_url", repo_url)?.repo();
            opens(running, repo).await
        }
    }
}

/// In the sandbox that the caller names. With a new id nothing can be a repeat, so that intent and lease go
/// out together; with a caller's key the intent goes first.
async fn named(running: &Running<'_>, sandbox_id: &str) -> Result<Opened, Refusal> {
    let world = running.world;
    let start = Instant::now();
    let mut recorder = Recorder::new(running, None);
    let state = match world.sandboxes.state(sandbox_id).await {
        Ok(state) if !matches!(state.life, Life::Unknown | Life::Gone) => state,
        Ok(_) => return refuse(running, recorder, LeaseError::Gone).await,
        Err(error) => return refuse(running, recorder, error).await,
    };
    recorder.adopt(&Workspace::of(sandbox_id, &state));
    let origin = recorder.origin.clone();
    let request = sandbox::request(running, sandbox_id, Reuse::Named);
    let wait_max = WAIT_MAX.min(running.time / 2);
    let intent = vec![Fact::from(running.intent())];
    let (begun, lease) = if running.request.keyed {
        match recorder.append(world, intent).await {
            Ok(()) => (Ok(()), world.sandboxes.lease_waiting(&request, &origin, wait_max).await),
            Err(error) => (Err(error), Err(LeaseError::NotFound)),
        }
    } else {
        tokio::join!(
            recorder.append(world, intent),
            world.sandboxes.lease_waiting(&request, &origin, wait_max)
        )
    };
    match (begun, lease) {
        (Ok(()), Ok(lease)) => have(running, recorder, lease, start).await,
        (Ok(()), Err(error)) => Ok(Opened::Refused(recorder, sandbox::lease_failure(error)?)),
        (Err(error), lease) => {
            if let Ok(lease) = lease {
                give_back(running, &lease).await;
            }
            repeat_or_fault(error)
        }
    }
}

/// In a sandbox that fits, else in a new one.
async fn opens(running: &Running<'_>, repo: Repo) -> Result<Opened, Refusal> {
    let start = Instant::now();
    let candidates = candidates(running, &repo).await?;
    let mut recorder = Recorder::new(running, Some(repo));
    let wanted = wanted(running);
    let mut facts = vec![Fact::from(running.intent())];
    if candidates.is_empty() {
        facts.push(wanted.clone().into());
    }
    if let Err(error) = recorder.append(running.world, facts).await {
        return repeat_or_fault(error);
    }
    for sandbox_id in &candidates {
        let request = sandbox::request(running, sandbox_id, Reuse::Ready);
        match running.world.sandboxes.lease(&request, &recorder.origin).await {
            Ok(lease) => {
                if let Some(leased) = alive(running, lease, start).await {
                    return Ok(Opened::Ready(recorder, Box::new(leased)));
                }
            }
            Err(LeaseError::Ledger(error)) => return Err(error.into()),
            // Somebody else was faster, or it has just ended.
            Err(_) => {}
        }
    }
    if !candidates.is_empty() {
        recorder.append(running.world, vec![wanted.clone().into()]).await?;
    }
    make(running, recorder, &wanted, start).await
}

async fn make(
    running: &Running<'_>,
    recorder: Recorder,
    wanted: &SandboxRequested,
    start: Instant,
) -> Result<Opened, Refusal> {
    let request = OpenRequest {
        request_id: wanted.request_id,
        operation_id: running.request.operation_id,
        template: Some(wanted.template.clone()),
        life: Duration::from_secs(wanted.timeout_s),
        until: running.lease_end(),
    };
    match running.world.sandboxes.open(&request, &recorder.origin).await {
        Ok(lease) => {
            let workspace = Workspace::leased(&lease);
            let leased = Leased { lease, workspace, wait: start.elapsed(), new: true };
            Ok(Opened::Ready(recorder, Box::new(leased)))
        }
        Err(error) => Ok(Opened::Refused(recorder, sandbox::lease_failure(error)?)),
    }
}

/// Whether a sandbox that nobody named really lives; one that does not is noted, and another is taken.
async fn alive(running: &Running<'_>, mut lease: Lease, start: Instant) -> Option<Leased> {
    let workspace = Workspace::leased(&lease);
    // When E2B cannot be asked, git will tell.
    if matches!(running.world.sandboxes.control().get(&lease.sandbox_id).await, Ok(None)) {
        sandbox::note_end(running, &workspace).await;
        return None;
    }
    if let Err(error) = sandbox::ready(running, &mut lease).await {
        tracing::info!(%error, sandbox_id = lease.sandbox_id, "candidate is not ready");
        give_back(running, &lease).await;
        return None;
    }
    Some(Leased { lease, workspace, wait: start.elapsed(), new: false })
}

/// A lease is had; the sandbox must run too.
async fn have(
    running: &Running<'_>,
    recorder: Recorder,
    mut lease: Lease,
    start: Instant,
) -> Result<Opened, Refusal> {
    if let Err(error) = sandbox::ready(running, &mut lease).await {
        give_back(running, &lease).await;
        return Ok(Opened::Refused(recorder, sandbox::lease_failure(error)?));
    }
    let workspace = Workspace::leased(&lease);
    let leased = Leased { lease, workspace, wait: start.elapsed(), new: false };
    Ok(Opened::Ready(recorder, Box::new(leased)))
}

/// There is no such sandbox: that is recorded too, unless the id was used before.
async fn refuse(running: &Running<'_>, mut recorder: Recorder, error: LeaseError) -> Result<Opened, Refusal> {
    let failure = sandbox::lease_failure(error)?;
    match recorder.append(running.world, vec![running.intent().into()]).await {
        Ok(()) => Ok(Opened::Refused(recorder, failure)),
        Err(error) => repeat_or_fault(error),
    }
}

fn repeat_or_fault(error: AppendError) -> Result<Opened, Refusal> {
    match error {
        AppendError::Conflict { .. } => Ok(Opened::Repeat),
        error => Err(error.into()),
    }
}

async fn give_back(running: &Running<'_>, lease: &Lease) {
    if let Err(error) = running.world.sandboxes.release(lease, Vec::new()).await {
        tracing::warn!(%error, sandbox_id = lease.sandbox_id, "lease not released; it lapses");
    }
}

/// Sandboxes that have the repository and belong to the same agent, best first.
async fn candidates(running: &Running<'_>, repo: &Repo) -> Result<Vec<String>, Refusal> {
    let actor = &running.request.actor;
    let wanted = Wanted {
        repo,
        agent_id: actor.agent_id.as_deref(),
        task_id: actor.task_id.as_deref(),
        key_id: actor.key_id.as_deref(),
        until: running.lease_end(),
    };
    let folded = running.world.projector.caught_up().await?;
    let fitting = folded.sandboxes.reusable(&wanted, running.world.clock.now());
    Ok(fitting.into_iter().take(CANDIDATES_MAX).map(|sandbox| sandbox.id.clone()).collect())
}

fn wanted(running: &Running<'_>) -> SandboxRequested {
    SandboxRequested {
        request_id: running.world.clock.id(),
        template: running.world.template.clone(),
        timeout_s: running.world.sandbox_ttl_s,
    }
}
