//! Sandboxes as callers know them, from the fold of their events.

use gitledger_events::{Event, Repo, Stream};
use gitledger_operations::lifecycle::{SandboxPhase, SandboxRecord};
use gitledger_projections::SandboxState;
use gitledger_projections::sandbox_state::Phase;
use jiff::Timestamp;

use crate::access::Principal;
use crate::{Refusal, World};

/// A sandbox with the API key that owns it and its repository.
type Owned = (Option<String>, Option<Repo>, SandboxRecord);

/// Every sandbox that is alive and that this key may see, by id.
pub(crate) async fn all(world: &World, principal: &Principal) -> Result<Vec<SandboxRecord>, Refusal> {
    let now = world.clock.now();
    let folded = world.projector.caught_up().await?;
    let seen =
        folded.sandboxes.live().filter(|one| principal.may_see(one.key_id.as_deref(), one.repo.as_ref()));
    Ok(seen.map(|state| record(state, now)).collect())
}

/// One sandbox, alive or gone; `None` when there never was one of this id.
pub(crate) async fn one(world: &World, sandbox_id: &str) -> Result<Option<Owned>, Refusal> {
    let Ok(stream) = Stream::sandbox(sandbox_id) else { return Ok(None) };
    let records = world.ledger.read_stream(&stream, 1).await?;
    let events: Vec<Event> = records.into_iter().filter_map(|record| record.decode().ok()).collect();
    let state = SandboxState::fold(&events);
    if state.phase == Phase::Unknown {
        return Ok(None);
    }
    let record = record(&state, world.clock.now());
    Ok(Some((state.key_id, state.repo, record)))
}

fn record(state: &SandboxState, now: Timestamp) -> SandboxRecord {
    SandboxRecord {
        sandbox_id: state.id.clone(),
        phase: match state.phase {
            Phase::Running => SandboxPhase::Running,
            Phase::Paused => SandboxPhase::Paused,
            Phase::Unknown | Phase::Gone(_) => SandboxPhase::Gone,
        },
        agent_id: state.actor.agent_id.clone(),
        task_id: state.actor.task_id.clone(),
        repo: state.repo.as_ref().map(ToString::to_string),
        branch: state.workspace.as_ref().map(|workspace| workspace.branch.clone()),
        pooled: state.is_live() && state.waits_in_pool(),
        leased_by: state.lease_at(now).map(|lease| lease.operation_id),
        template: state.template.clone(),
        vcpu: state.vcpu,
        memory_mb: state.memory_mb,
        ran_s: state.running_micros(now) / 1_000_000,
        created_at: state.created_at,
        last_used_at: state.last_used_at,
        expires_at: state.expires_at.filter(|_| state.is_live()),
    }
}
