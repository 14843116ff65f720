//! Sandboxes that have nothing to do: those that run are paused, those that slept too long are ended.

use gitledger_events::sandbox::{KillReason, Reuse};
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::{Lease, LeaseError, LeaseRequest};
use jiff::{SignedDuration, Timestamp};

use gitledger_operations::lifecycle::sandbox_reap::SandboxReapOutput as Reaped;

use super::bounds::nobody;
use crate::{Refusal, World};

/// The most pauses in one round: each may take seconds, and the next round is soon.
const PAUSES_MAX: usize = 16;
/// How long one pause may take. A lease for it lapses then.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Does what the policy says about the idle.
pub(super) async fn put_away(world: &World, reaped: &mut Reaped) -> Result<(), Refusal> {
    let (pause, end) = {
        let folded = world.projector.caught_up().await?;
        let upkeep = folded.sandboxes.upkeep(&world.template, &world.sandbox_policy, world.clock.now());
        let version = |id: &String| folded.sandboxes.get(id).map_or(0, |state| state.version);
        let pause: Vec<(String, u64)> =
            upkeep.pause.iter().map(|id| (id.clone(), version(id))).take(PAUSES_MAX).collect();
        (pause, upkeep.end)
    };
    for (sandbox_id, version) in pause {
        match pause_idle(world, &sandbox_id, version).await {
            Ok(true) => reaped.sandboxes_paused += 1,
            Ok(false) => {}
            Err(error) => tracing::info!(%error, sandbox_id, "idle sandbox not paused"),
        }
    }
    for sandbox_id in end {
        match world.sandboxes.kill(&sandbox_id, KillReason::Idle, &nobody(world)).await {
            Ok(true) => reaped.sandboxes_ended += 1,
            Ok(false) | Err(LeaseError::Busy { .. } | LeaseError::Gone | LeaseError::NotFound) => {}
            Err(error) => tracing::warn!(%error, sandbox_id, "forgotten sandbox not ended"),
        }
    }
    Ok(())
}

/// Under a lease, so that nobody begins to work in it meanwhile. Not when somebody did so since it was found
/// idle, and not while a read runs in it, which takes no lease.
async fn pause_idle(world: &World, sandbox_id: &str, version: u64) -> Result<bool, LeaseError> {
    let until = world.clock.now().saturating_add(PAUSE).unwrap_or(Timestamp::MAX);
    let request = LeaseRequest {
        sandbox_id: sandbox_id.to_owned(),
        operation_id: world.clock.id(),
        until,
        reuse: Reuse::Named,
    };
    let state = world.sandboxes.state(sandbox_id).await?;
    if state.version != version {
        return Ok(false);
    }
    let origin = {
        let mut origin = nobody(world);
        // The sandbox stays whose it is.
        (origin.actor, origin.repo) = (state.actor, state.repo);
        origin.correlation_id = request.operation_id;
        origin
    };
    let lease = match world.sandboxes.lease(&request, &origin).await {
        Err(LeaseError::Busy { .. } | LeaseError::Gone) => return Ok(false),
        leased => leased?,
    };
    match sleep(world, &lease, version).await {
        Ok(true) => Ok(true),
        other => {
            world.sandboxes.release(&lease, Vec::new()).await?;
            other
        }
    }
}

async fn sleep(world: &World, lease: &Lease, version: u64) -> Result<bool, LeaseError> {
    let unchanged = lease.state.version == version && lease.state.life == Life::Running;
    if !unchanged || !world.sandboxes.is_quiet(&lease.sandbox_id).await? {
        return Ok(false);
    }
    world.sandboxes.pause(lease).await.map(|()| true)
}
