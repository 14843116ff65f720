//! One sandbox sleeps, wakes, lives longer or ends, because somebody asked for it.

use std::time::Duration;

use gitledger_events::sandbox::{KillReason, Reuse};
use gitledger_operations::record::Found;
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{Lease, LeaseError};

use super::carried::{Carried, refused, state};
use super::record;
use crate::story::open::{WAIT_MAX, give_back};
use crate::story::recorder::Recorder;
use crate::story::running::Running;
use crate::story::sandbox;
use crate::{Refusal, World};

pub(super) async fn alive(
    running: &Running<'_>,
    recorder: &Recorder,
    sandbox_id: &str,
    timeout_s: Option<u64>,
) -> Result<Carried, Refusal> {
    let world = running.world;
    let life = match timeout_s {
        Some(seconds) => Duration::from_secs(seconds),
        None => sandbox::life(world, &state(world, sandbox_id).await?),
    };
    match world.sandboxes.keep_alive(sandbox_id, life, &recorder.origin).await {
        Ok(_) => found(world, sandbox_id, true).await,
        Err(error) => refused(error),
    }
}

pub(super) async fn pause(
    running: &Running<'_>,
    recorder: &Recorder,
    sandbox_id: &str,
) -> Result<Carried, Refusal> {
    let lease = match lease(running, recorder, sandbox_id).await {
        Ok(lease) => lease,
        Err(error) => return refused(error),
    };
    if lease.state.life == Life::Paused {
        give_back(running, &lease).await;
        return found(running.world, sandbox_id, false).await;
    }
    match running.world.sandboxes.pause(&lease).await {
        Ok(()) => found(running.world, sandbox_id, true).await,
        Err(error) => failed(running, &lease, error).await,
    }
}

pub(super) async fn resume(
    running: &Running<'_>,
    recorder: &Recorder,
    sandbox_id: &str,
) -> Result<Carried, Refusal> {
    let mut lease = match lease(running, recorder, sandbox_id).await {
        Ok(lease) => lease,
        Err(error) => return refused(error),
    };
    let sleeps = lease.state.life == Life::Paused;
    if sleeps {
        let life = sandbox::life(running.world, &lease.state);
        if let Err(error) = running.world.sandboxes.resume(&mut lease, life).await {
            return failed(running, &lease, error).await;
        }
    }
    give_back(running, &lease).await;
    found(running.world, sandbox_id, sleeps).await
}

pub(super) async fn kill(
    running: &Running<'_>,
    recorder: &Recorder,
    sandbox_id: &str,
) -> Result<Carried, Refusal> {
    let world = running.world;
    match world.sandboxes.kill(sandbox_id, KillReason::Requested, &recorder.origin).await {
        Ok(killed) => found(world, sandbox_id, killed).await,
        Err(error) => refused(error),
    }
}

async fn lease(running: &Running<'_>, recorder: &Recorder, sandbox_id: &str) -> Result<Lease, LeaseError> {
    let request = sandbox::request(running, sandbox_id, Reuse::Named);
    let wait_max = WAIT_MAX.min(running.time / 2);
    running.world.sandboxes.lease_waiting(&request, &recorder.origin, wait_max).await
}

/// The host said no. When it says that there is no such sandbox, the ledger is told so.
async fn failed(running: &Running<'_>, lease: &Lease, error: LeaseError) -> Result<Carried, Refusal> {
    let gone = matches!(error, LeaseError::Sandbox(gitledger_sandboxes::SandboxError::NotFound));
    if gone {
        let action = gitledger_sandboxes::reconcile::Action::Missing { sandbox_id: lease.sandbox_id.clone() };
        if let Err(error) = running.world.sandboxes.settle(&action, &lease.origin).await {
            tracing::warn!(%error, sandbox_id = lease.sandbox_id, "end not recorded; the reaper will");
        }
    } else {
        give_back(running, lease).await;
    }
    refused(error)
}

async fn found(world: &World, sandbox_id: &str, changed: bool) -> Result<Carried, Refusal> {
    let record = record::one(world, sandbox_id).await?;
    Ok(Ok(record.map_or(Found::Nothing, |(_, _, record)| Found::Sandbox(Box::new(record), changed))))
}
