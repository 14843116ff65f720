//! The fence of publishing: what was handed over last, and who is handing over now. One row in the ledger, changed by
//! compare-and-set on its epoch.
//!
//! Who is stopped between taking the fence and sending, for longer than the fence holds, can still send something old;
//! nothing at the sending side can prevent that. He finds it out at once, when he gives the fence back, and publishes
//! the newest again.

use std::time::Duration;

use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use gitledger_projections::metrics::{MetricsSnapshot, Shown};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Taken;
use crate::World;

const KEY: ProjectionKey = ProjectionKey { name: "exporter", version: 2 };
/// How often it is looked whether the fence is free.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The fence as it was read, or as it was taken.
pub(super) struct Fence {
    epoch: u64,
    kept: Kept,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The newest snapshot that was handed over.
    position: u64,
    at: Timestamp,
    shown: Shown,
    /// Publications that have failed, ever.
    failures: u64,
    /// Where it was published.
    group: Option<String>,
    /// Somebody publishes until then.
    held_until: Option<Timestamp>,
}

impl Fence {
    pub(super) async fn look(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let Some(saved) = ledger.load_projection(&KEY).await? else {
            return Ok(Self { epoch: 0, kept: Kept::default() });
        };
        let kept = serde_json::from_slice(&saved.state)
            .map_err(|error| LedgerError::Engine(format!("the exporter's fence is unreadable: {error}")))?;
        Ok(Self { epoch: saved.position.as_u64(), kept })
    }

    /// The fence when nobody holds it. A holder that does not let go is dead after `hold`, whatever his clock says.
    pub(super) async fn free(world: &World, hold: Duration) -> Result<Self, LedgerError> {
        let since = tokio::time::Instant::now();
        let mut seen = None;
        loop {
            let fence = Self::look(world.ledger.as_ref()).await?;
            let taken = fence.kept.held_until.is_some_and(|until| world.clock.now() < until);
            let (epoch, first) = *seen.get_or_insert((fence.epoch, since));
            let waited = if epoch == fence.epoch { first.elapsed() } else { Duration::ZERO };
            if !taken || waited > hold {
                return Ok(fence);
            }
            if epoch != fence.epoch {
                seen = Some((fence.epoch, tokio::time::Instant::now()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn next_epoch(&self) -> u64 {
        self.epoch.saturating_add(1)
    }

    pub(super) fn shown(&self) -> &Shown {
        &self.kept.shown
    }

    pub(super) fn failures(&self) -> u64 {
        self.kept.failures
    }

    pub(super) fn failed(&mut self) {
        self.kept.failures = self.kept.failures.saturating_add(1);
    }

    pub(super) fn group(&self) -> Option<String> {
        self.kept.group.clone()
    }

    pub(super) fn set_group(&mut self, group: &str) {
        self.kept.group = Some(group.to_owned());
    }

    /// Whether something newer was handed over. The same position again is the heartbeat, if time has not gone back.
    pub(super) fn is_after(&self, numbers: &MetricsSnapshot) -> bool {
        (self.kept.position, self.kept.at) > (numbers.position, numbers.at)
            || self.kept.position > numbers.position
            || self.kept.at > numbers.at
    }

    /// Takes it for a snapshot; false when another did.
    pub(super) async fn take(
        &mut self,
        ledger: &dyn Ledger,
        taken: &Taken,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        self.kept.position = taken.numbers.position;
        self.kept.at = taken.numbers.at;
        self.kept.shown = taken.shown.clone();
        self.renew(ledger, now, hold).await
    }

    /// Holds it for so long from now on; false when it was lost.
    pub(super) async fn renew(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        let hold = SignedDuration::try_from(hold).unwrap_or(SignedDuration::MAX);
        self.kept.held_until = Some(now.saturating_add(hold).unwrap_or(Timestamp::MAX));
        self.write(ledger).await
    }

    /// Gives it back; false when it was lost.
    pub(super) async fn release(mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        self.kept.held_until = None;
        self.write(ledger).await
    }

    async fn write(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        let state = serde_json::to_vec(&self.kept).map_err(|error| LedgerError::Engine(error.to_string()))?;
        let (before, next) = (Position::from_u64(self.epoch), Position::from_u64(self.next_epoch()));
        let stood = ledger.save_projection(&KEY, before, SavedProjection { position: next, state }).await?;
        if stood {
            self.epoch = self.next_epoch();
        }
        Ok(stood)
    }
}
