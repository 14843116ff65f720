//! Leases: one operation's exclusive right to a workspace, until a time.

use std::time::Duration;

use gitledger_events::sandbox::{Reuse, SandboxLeased, SandboxReleased};
use gitledger_events::{Elapsed, Fact};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use super::{LeaseError, Sandboxes};
use crate::Origin;
use crate::lease_state::{LeaseState, Life, takeover};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// Which sandbox.
    pub sandbox_id: String,
    /// Whose lease.
    pub operation_id: Uuid,
    /// When it lapses; later than the last instant at which the operation may still run.
    pub until: Timestamp,
    /// Where the sandbox came from.
    pub reuse: Reuse,
}

/// A lease that was given.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Of which sandbox.
    pub sandbox_id: String,
    /// Whose it is.
    pub operation_id: Uuid,
    /// Later than that of every lease before.
    pub epoch: u64,
    /// When it lapses.
    pub until: Timestamp,
    /// The sandbox as it was when the lease was given.
    pub state: LeaseState,
    /// On whose behalf.
    pub origin: Origin,
    /// By the clock that never steps back.
    pub taken: Instant,
}

impl Sandboxes {
    /// Takes the lease, or says who has it. An operation that has it already gets it again.
    pub async fn lease(&self, request: &LeaseRequest, origin: &Origin) -> Result<Lease, LeaseError> {
        let (state, epoch, until) =
            self.decide(&request.sandbox_id, origin, |state| grant(state, request, self.world.now())).await?;
        Ok(Lease {
            sandbox_id: request.sandbox_id.clone(),
            operation_id: request.operation_id,
            epoch,
            until,
            state,
            origin: origin.clone(),
            taken: Instant::now(),
        })
    }

    /// Takes the lease, waiting at most this long while others have it.
    pub async fn lease_waiting(
        &self,
        request: &LeaseRequest,
        origin: &Origin,
        max_wait: Duration,
    ) -> Result<Lease, LeaseError> {
        let limit = Instant::now() + max_wait;
        // Mostly it is free, and then where the ledger ends need not be asked.
        match self.lease(request, origin).await {
            Err(LeaseError::Busy { .. }) => {}
            other => return other,
        }
        loop {
            // Asked before the attempt, so that a release after it ends the waiting at once.
            let head = self.ledger.head().await?;
            let busy_until = match self.lease(request, origin).await {
                Err(LeaseError::Busy { until, .. }) if Instant::now() < limit => until,
                other => return other,
            };
            let left = limit.saturating_duration_since(Instant::now());
            self.ledger.wait(head, left.min(self.until_takeover(busy_until))).await?;
        }
    }

    /// Ends a lease. `extra` facts of the sandbox are recorded before it, in the same commit.
    ///
    /// [`LeaseError::TakenOver`]: it had lapsed and nothing was recorded. [`LeaseError::Gone`]: the
    /// sandbox ended in between.
    pub async fn release(&self, lease: &Lease, extra: Vec<Fact>) -> Result<(), LeaseError> {
        let held_ms = Elapsed::from(lease.taken.elapsed());
        let released = SandboxReleased { operation_id: lease.operation_id, epoch: lease.epoch, held_ms };
        self.decide(&lease.sandbox_id, &lease.origin, |state| {
            still_held(state, lease)?;
            let mut facts = extra.clone();
            facts.push(released.clone().into());
            Ok(((), facts))
        })
        .await
    }

    /// Records facts of the sandbox while the lease is held.
    pub(super) async fn record(&self, lease: &Lease, facts: Vec<Fact>) -> Result<(), LeaseError> {
        let record = |state: &LeaseState| {
            still_held(state, lease)?;
            Ok(((), facts.clone()))
        };
        self.decide(&lease.sandbox_id, &lease.origin, record).await
    }

    /// How long until a lease that is not released may be taken over; at least a moment.
    fn until_takeover(&self, until: Timestamp) -> Duration {
        let left = takeover(until).duration_since(self.world.now()).max(SignedDuration::from_millis(10));
        left.unsigned_abs()
    }
}

type Granted = ((LeaseState, u64, Timestamp), Vec<Fact>);

fn grant(state: &LeaseState, request: &LeaseRequest, now: Timestamp) -> Result<Granted, LeaseError> {
    match state.life {
        Life::Unknown => return Err(LeaseError::NotFound),
        Life::Gone => return Err(LeaseError::Gone),
        Life::Running | Life::Paused => {}
    }
    if let Some(held) = state.held_at(now) {
        if held.operation_id != request.operation_id {
            return Err(LeaseError::Busy { until: held.until, by: held.operation_id });
        }
        return Ok(((state.clone(), held.epoch, held.until), vec![]));
    }
    let epoch = state.epoch.saturating_add(1);
    let (operation_id, until, reuse) = (request.operation_id, request.until, request.reuse);
    Ok(((state.clone(), epoch, until), vec![SandboxLeased { operation_id, epoch, until, reuse }.into()]))
}

fn still_held(state: &LeaseState, lease: &Lease) -> Result<(), LeaseError> {
    match &state.held {
        Some(held) if held.epoch == lease.epoch => Ok(()),
        _ if state.life == Life::Gone => Err(LeaseError::Gone),
        _ => Err(LeaseError::TakenOver),
    }
}
