//! Operations without an outcome whose function is dead.

use gitledger_events::{Event, Fact, Stream};
use gitledger_ledger::AppendError;
use gitledger_operations::lifecycle::sandbox_reap::SandboxReapOutput as Reaped;
use gitledger_projections::OperationState;
use gitledger_projections::open_operations::OpenOperation;
use gitledger_sandboxes::Origin;
use jiff::Timestamp;

use super::bounds::{LOCAL_HOLDER, OVERDUE};
use super::recall::{Closing, Seen};
use super::{push, recall};
use crate::story::recorder::Recorder;
use crate::{Refusal, World};

/// Closes every orphan.
pub(super) async fn close(world: &World, reaped: &mut Reaped) -> Result<(), Refusal> {
    let now = world.clock.now();
    let orphans: Vec<OpenOperation> = {
        let folded = world.projector.caught_up().await?;
        folded.open.all().filter(|open| is_orphan(open, world.holder.as_deref(), now)).cloned().collect()
    };
    for orphan in orphans {
        match close_one(world, &orphan).await {
            Ok(true) => reaped.operations_closed += 1,
            Ok(false) => reaped.operations_unknown += 1,
            // One that cannot be closed now must not keep the others open.
            Err(error) => {
                tracing::warn!(%error, operation = %orphan.id, "operation not closed; the next round tries again");
                reaped.operations_unknown += 1;
            }
        }
    }
    Ok(())
}

/// Nobody works on it: its holder was another program on this data directory, or its time is long over.
fn is_orphan(open: &OpenOperation, ours: Option<&str>, now: Timestamp) -> bool {
    let holder = open.holder.as_deref();
    let dead =
        ours.is_some() && holder != ours && holder.is_some_and(|holder| holder.starts_with(LOCAL_HOLDER));
    dead || now.duration_since(open.deadline) > OVERDUE
}

async fn close_one(world: &World, orphan: &OpenOperation) -> Result<bool, Refusal> {
    let records = world.ledger.read_stream(&Stream::operation(orphan.id), 1).await?;
    let events: Vec<Event> = records.into_iter().filter_map(|record| record.decode().ok()).collect();
    let state = OperationState::fold(&events);
    let origin = Origin {
        operation: orphan.name.clone(),
        actor: orphan.actor.clone(),
        repo: orphan.repo.clone(),
        correlation_id: orphan.id,
    };
    let mut recorder = Recorder::at(orphan.id, state.version, origin.clone());
    let closing = match state.unresolved_push() {
        None => match recall::look(world, orphan, &state, &origin).await? {
            Seen::NotYet => return Ok(false),
            Seen::Closed(closing) => *closing,
        },
        Some(prepared) => {
            let patience = push::Patience::of(&events, world.clock.now());
            match push::resolve(world, orphan, &state, prepared, patience, &mut recorder).await? {
                Some(facts) => Closing { facts, ..Closing::default() },
                None => return Ok(false),
            }
        }
    };
    let (opened, closed) = match recorder.append(world, closing.facts).await {
        Ok(()) => (closing.opened, Ok(true)),
        // Its own function was alive after all and closed it.
        Err(AppendError::Conflict { .. }) => (None, Ok(false)),
        Err(error) => (None, Err(error.into())),
    };
    if let Some(lease) = closing.lease {
        let facts = opened.map(Fact::from).into_iter().collect();
        if let Err(error) = world.sandboxes.release(&lease, facts).await {
            tracing::info!(%error, sandbox_id = lease.sandbox_id, "the reaper's lease was not released; it lapses");
        }
    }
    closed
}
