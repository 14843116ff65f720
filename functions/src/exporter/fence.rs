//! The fence of publishing: what was handed over last, and who is handing over now. One row in the ledger.
//!
//! Who is stopped between taking the fence and sending, for longer than the fence holds, can still send something old;
//! nothing at the sending side can prevent that. He finds it out at once, when he gives the fence back, and publishes
//! the newest again.

use std::time::Duration;

use gitledger_ledger::{Ledger, LedgerError, ProjectionKey};
use gitledger_projections::metrics::{MetricsSnapshot, Shown};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Taken;
use crate::World;
use crate::held::{Held, Holdable, is_too_far_ahead};

/// The fence as it was read, or as it was taken.
pub(super) struct Fence(Held<Kept>);

#[derive(Default, Serialize, Deserialize)]
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

impl Holdable for Kept {
    const KEY: ProjectionKey = ProjectionKey { name: "exporter", version: 2 };

    fn first() -> Self {
        Self::default()
    }

    fn held_until(&self) -> Option<Timestamp> {
        self.held_until
    }

    fn set_held_until(&mut self, until: Option<Timestamp>) {
        self.held_until = until;
    }
}

impl Kept {
    /// What has more events is newer, whatever the clocks said. The same position again is the heartbeat, if time has
    /// not gone back; what is far ahead was said by a clock that was wrong, and would stop the heartbeat until then.
    fn is_after(&self, position: u64, at: Timestamp, now: Timestamp, hold: Duration) -> bool {
        self.position > position
            || (self.position == position && self.at > at && !is_too_far_ahead(self.at, now, hold))
    }
}

impl Fence {
    pub(super) async fn look(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        Held::read(ledger).await.map(Self)
    }

    /// The fence when nobody holds it.
    pub(super) async fn free(world: &World, hold: Duration) -> Result<Self, LedgerError> {
        Held::free(world, hold).await.map(Self)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    pub(super) fn next_epoch(&self) -> u64 {
        self.0.next_epoch()
    }

    pub(super) fn shown(&self) -> &Shown {
        &self.0.kept().shown
    }

    pub(super) fn failures(&self) -> u64 {
        self.0.kept().failures
    }

    pub(super) fn failed(&mut self) {
        let kept = self.0.kept_mut();
        kept.failures = kept.failures.saturating_add(1);
    }

    pub(super) fn group(&self) -> Option<String> {
        self.0.kept().group.clone()
    }

    pub(super) fn set_group(&mut self, group: &str) {
        self.0.kept_mut().group = Some(group.to_owned());
    }

    /// Whether something newer was handed over.
    pub(super) fn is_after(&self, numbers: &MetricsSnapshot, now: Timestamp, hold: Duration) -> bool {
        self.0.kept().is_after(numbers.position, numbers.at, now, hold)
    }

    /// Takes it for a snapshot; false when another did.
    pub(super) async fn take(
        &mut self,
        ledger: &dyn Ledger,
        taken: &Taken,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        let kept = self.0.kept_mut();
        kept.position = taken.numbers.position;
        kept.at = taken.numbers.at;
        kept.shown = taken.shown.clone();
        self.0.hold(ledger, now, hold).await
    }

    /// Holds it for so long from now on; false when it was lost.
    pub(super) async fn renew(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        self.0.hold(ledger, now, hold).await
    }

    /// Gives it back; false when it was lost.
    pub(super) async fn release(mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        self.0.release(ledger).await
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const HOLD: Duration = Duration::from_secs(25);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn handed_over(position: u64, seconds: i64) -> Kept {
        Kept { position, at: at(seconds), ..Kept::default() }
    }

    #[test]
    fn fewer_events_are_never_newer_and_the_same_ones_only_later() {
        for seconds in [-9_000, 1_000, 1_040, 9_000] {
            let older = handed_over(8, seconds).is_after(7, at(1_000), at(1_000), HOLD);
            assert!(older, "with fewer events, {seconds}");
        }
        let heartbeat = |seconds| handed_over(7, seconds).is_after(7, at(1_000), at(1_000), HOLD);
        assert!(!heartbeat(985) && !heartbeat(1_000), "later, or as late");
        assert!(heartbeat(1_001) && heartbeat(1_050), "a snapshot that was held up on its way");
    }

    #[test]
    fn a_snapshot_of_a_clock_ahead_does_not_stop_those_after_it() {
        let ahead = handed_over(7, 9_000);
        assert!(!ahead.is_after(8, at(1_000), at(1_000), HOLD), "more events");
        assert!(!ahead.is_after(7, at(1_000), at(1_000), HOLD), "the heartbeat");
    }
}
