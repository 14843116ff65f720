//! The beginning of a write: the intent is recorded and a sandbox is had.

use std::time::{Duration, Instant};

use gitledger_events::Repo;
use gitledger_events::operation::SandboxRequested;
use gitledger_events::sandbox::Reuse;
use gitledger_ledger::AppendError;
use gitledger_operations::{Failure, Place};
use gitledger_projections::sandboxes::{Choice, Wanted};
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{Lease, LeaseError, OpenRequest};

use super::defer;
use super::recorder::Recorder;
use super::running::Running;
use super::sandbox::{self, Leased, Workspace};
use crate::{Answer, Refusal};

/// The longest wait for a workspace that another operation has.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);
/// How many sandboxes that fit are tried before a new one is made.
const CHOICES_MAX: usize = 8;

/// How a write begins.
pub(crate) enum Opened {
    /// The id was used before.
    Repeat,
    /// The intent is recorded, and there is no sandbox.
    Refused(Recorder, Failure),
    /// The intent is recorded, and its caller waited no longer for the sandbox: somebody goes on with it.
    Deferred(Answer),
    /// The intent is recorded, and the sandbox is this operation's.
    Ready(Recorder, Box<Leased>),
}

pub(crate) async fn begin(running: &Running<'_>) -> Result<Opened, Refusal> {
    match running.asked.place() {
        Place::Named(sandbox_id) => named(running, sandbox_id).await,
        Place::Ledger | Place::Host(_) => {
            Err(Refusal::Fault("nothing is leased where nothing is run".to_owned()))
        }
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
    recorder.adopt(&state.actor, state.repo.as_ref());
    let origin = recorder.origin.clone();
    let request = sandbox::request(running, sandbox_id, Reuse::Named);
    let wait_max = running.within(WAIT_MAX.min(running.time / 2));
    let intent = running.intents();
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
        (Ok(()), Err(LeaseError::Busy { .. })) if defer::is_worth_it(running) => {
            defer::unbegun(running, recorder).await.map(Opened::Deferred)
        }
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
    let choices = choices(running, &repo).await?;
    let mut recorder = Recorder::new(running, Some(repo));
    let wanted = wanted(running);
    let mut facts = running.intents();
    if choices.is_empty() {
        facts.push(wanted.clone().into());
    }
    if let Err(error) = recorder.append(running.world, facts).await {
        return repeat_or_fault(error);
    }
    if let Some(leased) = take(running, &recorder, &choices, start).await? {
        return Ok(Opened::Ready(recorder, Box::new(leased)));
    }
    if !choices.is_empty() {
        recorder.append(running.world, vec![wanted.clone().into()]).await?;
    }
    match make(running, &recorder, &wanted, start).await {
        Ok(leased) => Ok(Opened::Ready(recorder, Box::new(leased))),
        Err(error) => Ok(Opened::Refused(recorder, sandbox::lease_failure(error)?)),
    }
}

/// The first of these that can be had and lives.
pub(crate) async fn take(
    running: &Running<'_>,
    recorder: &Recorder,
    choices: &[Choice],
    start: Instant,
) -> Result<Option<Leased>, Refusal> {
    for choice in choices.iter().take(CHOICES_MAX) {
        let request = sandbox::request(running, &choice.sandbox_id, choice.reuse);
        match running.world.sandboxes.lease(&request, &recorder.origin).await {
            Ok(lease) => {
                if let Some(leased) = alive(running, lease, choice.shared, start).await {
                    return Ok(Some(leased));
                }
            }
            Err(LeaseError::Ledger(error)) => return Err(error.into()),
            // Somebody else was faster, or it has just ended.
            Err(_) => {}
        }
    }
    Ok(None)
}

/// A new one.
pub(crate) async fn make(
    running: &Running<'_>,
    recorder: &Recorder,
    wanted: &SandboxRequested,
    start: Instant,
) -> Result<Leased, LeaseError> {
    let request = OpenRequest {
        request_id: wanted.request_id,
        operation_id: running.request.operation_id,
        template: Some(wanted.template.clone()),
        life: Duration::from_secs(wanted.timeout_s),
        until: running.lease_end(),
    };
    let lease = running.world.sandboxes.open(&request, &recorder.origin).await?;
    let workspace = Workspace::leased(&lease);
    Ok(Leased { lease, workspace, wait: start.elapsed(), new: true, shared: false })
}

/// Whether a sandbox that nobody named really lives; one that does not is noted, and another is taken.
async fn alive(running: &Running<'_>, mut lease: Lease, shared: bool, start: Instant) -> Option<Leased> {
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
    if shared && !sandbox::wiped(running, &lease).await {
        give_back(running, &lease).await;
        return None;
    }
    Some(Leased { lease, workspace, wait: start.elapsed(), new: false, shared })
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
    let leased = Leased { lease, workspace, wait: start.elapsed(), new: false, shared: false };
    Ok(Opened::Ready(recorder, Box::new(leased)))
}

/// There is no such sandbox: that is recorded too, unless the id was used before.
async fn refuse(running: &Running<'_>, mut recorder: Recorder, error: LeaseError) -> Result<Opened, Refusal> {
    let failure = sandbox::lease_failure(error)?;
    match recorder.append(running.world, running.intents()).await {
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

/// What was leased and is not needed goes back.
pub(crate) async fn give_back(running: &Running<'_>, lease: &Lease) {
    if let Err(error) = running.world.sandboxes.release(lease, Vec::new()).await {
        tracing::warn!(%error, sandbox_id = lease.sandbox_id, "lease not released; it lapses");
    }
}

/// Sandboxes that may be used, in the order of the policy.
async fn choices(running: &Running<'_>, repo: &Repo) -> Result<Vec<Choice>, Refusal> {
    let (world, actor) = (running.world, &running.request.actor);
    let wanted = Wanted {
        repo,
        agent_id: actor.agent_id.as_deref(),
        task_id: actor.task_id.as_deref(),
        key_id: actor.key_id.as_deref(),
        until: running.lease_end(),
    };
    let fresh = running.asked.envelope().keep.fresh;
    let folded = world.projector.caught_up().await?;
    let now = world.clock.now();
    Ok(folded.sandboxes.choices(&wanted, &world.template, fresh, &world.sandbox_policy, now))
}

pub(crate) fn wanted(running: &Running<'_>) -> SandboxRequested {
    let keep = running.asked.envelope().keep;
    SandboxRequested {
        request_id: running.world.clock.id(),
        template: running.world.template.clone(),
        timeout_s: keep.ttl_s.unwrap_or(running.world.sandbox_policy.ttl_s),
    }
}
