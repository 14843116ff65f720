//! The reaper: closes what nobody works on any more.
//!
//! Sandboxes first: what the ledger believes alive is compared with E2B's own list. Then operations
//! without an outcome whose holder is dead. What may have reached a remote is asked of the remote. Then what is
//! idle is put away, as the policy says.

pub(crate) mod bounds;
mod idle;
mod operations;
mod push;
mod recall;

use std::collections::BTreeSet;

use gitledger_events::sandbox::KillReason;
use gitledger_sandboxes::control::{Listed, State};
use gitledger_sandboxes::lease_state::Life;
use gitledger_sandboxes::reconcile::{Action, Known, reconcile};
use gitledger_sandboxes::{LeaseError, Look, SandboxError};
use jiff::SignedDuration;
use serde_json::json;

pub use bounds::LOCAL_HOLDER;
use bounds::{GRACE, nobody};
pub use gitledger_operations::lifecycle::sandbox_reap::SandboxReapOutput as Reaped;

use crate::answer::Outcome;
use crate::{Refusal, Request, World};

/// Why a round is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ReapError {
    /// The sandboxes cannot be listed, so that nothing is known of them. Everything else was done.
    #[error("sandboxes cannot be listed: {0}")]
    Unlisted(SandboxError),
    /// The ledger failed, or what it has cannot be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// One round.
pub async fn reap(world: &World) -> Result<Reaped, ReapError> {
    let mut reaped = Reaped::default();
    let unlisted = sandboxes(world, &mut reaped).await?;
    operations::close(world, &mut reaped).await?;
    idle::put_away(world, &mut reaped).await?;
    unlisted.map_or(Ok(reaped), |error| Err(ReapError::Unlisted(error)))
}

/// Compares the sandboxes with the ledger, or gives why they cannot be listed.
async fn sandboxes(world: &World, reaped: &mut Reaped) -> Result<Option<SandboxError>, Refusal> {
    // The ledger before the list: one that is made in between is on the list and not yet known, which is left
    // alone for a while. The other way round it would be known, not on the list, and taken for lost.
    let now = world.clock.now();
    let known: Vec<Known> = {
        let folded = world.projector.caught_up().await?;
        let known = folded.sandboxes.live().map(|sandbox| Known {
            sandbox_id: sandbox.id.clone(),
            created_at: sandbox.created_at.unwrap_or(now),
            paused: sandbox.phase == gitledger_projections::sandbox_state::Phase::Paused,
        });
        known.collect()
    };
    let listed = match world.sandboxes.list_live().await {
        Ok(listed) => listed,
        Err(error) => {
            // Without a list nothing is known; the next round tries again.
            tracing::warn!(%error, "sandboxes cannot be listed");
            return Ok(Some(error));
        }
    };
    let ids: BTreeSet<&str> = listed.iter().map(|listed| listed.sandbox_id.as_str()).collect();
    // The local host's list is never behind; E2B's may be.
    let grace = if world.local_host { SignedDuration::ZERO } else { GRACE };
    let missing: Vec<Known> =
        known.iter().filter(|known| !ids.contains(known.sandbox_id.as_str())).cloned().collect();
    let mut actions = reconcile(&[], &missing, now, grace);
    actions.extend(
        reconcile(&listed, &known, now, GRACE)
            .into_iter()
            .filter(|action| matches!(action, Action::Leaked(_))),
    );
    for action in actions {
        match world.sandboxes.settle(&action, &nobody(world)).await {
            Ok(look) => count(look, reaped),
            Err(error) => tracing::warn!(%error, "sandbox not settled; the next round tries again"),
        }
    }
    correct(world, &listed, &known, reaped).await;
    Ok(None)
}

/// Looks at the sandboxes of which one side says that they sleep and the other that they run.
async fn correct(world: &World, listed: &[Listed], known: &[Known], reaped: &mut Reaped) {
    for listed in listed {
        let sleeps = listed.state == State::Paused;
        let other = |known: &&Known| known.sandbox_id == listed.sandbox_id && known.paused != sleeps;
        if !known.iter().any(|known| other(&known)) {
            continue;
        }
        match world.sandboxes.look(&listed.sandbox_id, GRACE, &nobody(world)).await {
            Ok(look) => count(look, reaped),
            Err(error) => tracing::warn!(%error, "sandbox not looked at; the next round tries again"),
        }
    }
}

fn count(look: Look, reaped: &mut Reaped) {
    match look {
        Look::Ended => reaped.sandboxes_gone += 1,
        Look::Leaked => reaped.sandboxes_leaked += 1,
        Look::Paused | Look::Resumed | Look::Extended => reaped.sandboxes_corrected += 1,
        Look::Unchanged | Look::Foreign | Look::Busy => {}
    }
}

/// Fills the pool, when something is missing in it. False when that was tried and did not succeed.
pub async fn fill_pool(world: &World) -> Result<bool, Refusal> {
    let missing = {
        let folded = world.projector.caught_up().await?;
        folded.sandboxes.upkeep(&world.template, &world.sandbox_policy, world.clock.now()).missing
    };
    if missing == 0 {
        return Ok(true);
    }
    let request = Request::new("sandbox-warm", json!({}), None, world.clock.id())?;
    let answer = crate::operate(world, request).await?;
    Ok(answer.outcome == Outcome::Succeeded)
}

/// Ends one sandbox. `false`: there is none.
pub async fn kill(world: &World, sandbox_id: &str, reason: KillReason) -> Result<bool, Refusal> {
    let known = match world.sandboxes.state(sandbox_id).await {
        Ok(state) => !matches!(state.life, Life::Unknown | Life::Gone),
        Err(LeaseError::NotFound) => false,
        Err(error) => return Err(Refusal::Fault(error.to_string())),
    };
    if !known {
        return Ok(false);
    }
    match world.sandboxes.kill(sandbox_id, reason, &nobody(world)).await {
        Ok(killed) => Ok(killed),
        Err(LeaseError::NotFound | LeaseError::Gone) => Ok(false),
        Err(error) => Err(Refusal::Fault(error.to_string())),
    }
}

/// Ends every live sandbox; gives their number.
pub async fn kill_all(world: &World, reason: KillReason) -> Result<usize, Refusal> {
    let ids: Vec<String> = {
        let folded = world.projector.caught_up().await?;
        folded.sandboxes.live().map(|sandbox| sandbox.id.clone()).collect()
    };
    let mut ended = 0;
    for id in ids {
        ended += usize::from(kill(world, &id, reason).await?);
    }
    Ok(ended)
}
