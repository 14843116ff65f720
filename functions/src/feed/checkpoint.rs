//! How far the feed is, and who feeds: one row in the ledger, changed by compare-and-set on its epoch.

use std::time::Duration;

use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use gitledger_projections::metrics::FeedStanding;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Fed;
use crate::projector::{self, Next};

/// Under which name and version it is saved, and what cannot be fed is parked.
pub const KEY: ProjectionKey = ProjectionKey { name: "feed", version: 1 };

/// The checkpoint as it was read, or as it was taken.
pub(super) struct Checkpoint {
    epoch: u64,
    kept: Kept,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Everything up to here was taken by the bus.
    position: u64,
    /// Rounds in which the bus did not take what was next, ever.
    failures: u64,
    /// Somebody feeds until then, unless they say more.
    held_until: Option<Timestamp>,
    /// There was a feed, and there is none any more.
    retired: bool,
}

/// How the feed of a ledger stands.
pub async fn standing(ledger: &dyn Ledger) -> Result<FeedStanding, LedgerError> {
    let checkpoint = Checkpoint::read(ledger).await?;
    let Kept { position, failures, retired, .. } = checkpoint.kept;
    let told = FeedStanding { position, waits_since: None, failures };
    let at = checkpoint.position();
    if checkpoint.epoch == 0 || retired || at >= ledger.head().await? {
        return Ok(told);
    }
    let waits_since = match projector::read(ledger, at, 1).await?.into_iter().next() {
        Some(Next::Event(recorded)) => Some(recorded.record.recorded_at),
        // What cannot be read is passed over in a moment.
        Some(Next::Broken(..)) | None => None,
    };
    Ok(FeedStanding { waits_since, ..told })
}

/// Says that nobody feeds any more, so that nobody waits for it. The place is kept.
pub async fn retire(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let mut checkpoint = Checkpoint::read(ledger).await?;
    if checkpoint.epoch > 0 && !checkpoint.kept.retired {
        checkpoint.kept.retired = true;
        // Who was quicker feeds.
        checkpoint.write(ledger).await?;
    }
    Ok(())
}

impl Checkpoint {
    pub(super) async fn read(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let Some(saved) = ledger.load_projection(&KEY).await? else {
            // The first of them is written before anything is sent: there is a feed from now on.
            return Ok(Self { epoch: 0, kept: Kept { retired: true, ..Kept::default() } });
        };
        let kept = serde_json::from_slice(&saved.state)
            .map_err(|error| LedgerError::Engine(format!("the feed's checkpoint is unreadable: {error}")))?;
        Ok(Self { epoch: saved.position.as_u64(), kept })
    }

    pub(super) fn position(&self) -> Position {
        Position::from_u64(self.kept.position)
    }

    pub(super) fn is_retired(&self) -> bool {
        self.kept.retired
    }

    /// Takes the lease; false when somebody else has it. Nobody holds it for longer than `hold`: what is said to
    /// be held until later was said by a clock that was ahead, and would stop the feed until then. Should he live,
    /// he cannot save.
    pub(super) async fn take(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        let hold = SignedDuration::try_from(hold).unwrap_or(SignedDuration::MAX);
        let held_until = now.saturating_add(hold).unwrap_or(Timestamp::MAX);
        if self.kept.held_until.is_some_and(|until| now < until && until <= held_until) {
            return Ok(false);
        }
        self.kept.held_until = Some(held_until);
        self.write(ledger).await
    }

    /// Everything up to here was taken.
    pub(super) fn passed(&mut self, position: Position) {
        self.kept.position = self.kept.position.max(position.as_u64());
    }

    /// The bus did not take what was next.
    pub(super) fn failed(&mut self, reason: String) -> Fed {
        self.kept.failures = self.kept.failures.saturating_add(1);
        Fed::Failed(reason)
    }

    /// Writes it down and gives the lease back; false when another has it by now.
    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        self.kept.held_until = None;
        self.kept.retired = false;
        self.write(ledger).await
    }

    async fn write(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        let state = serde_json::to_vec(&self.kept).map_err(|error| LedgerError::Engine(error.to_string()))?;
        let (before, next) =
            (Position::from_u64(self.epoch), Position::from_u64(self.epoch.saturating_add(1)));
        let stood = ledger.save_projection(&KEY, before, SavedProjection { position: next, state }).await?;
        if stood {
            self.epoch = next.as_u64();
        }
        Ok(stood)
    }
}

#[cfg(test)]
mod tests {
    use gitledger_ledger::sqlite::{Durability, SqliteLedger};

    use super::*;

    const HOLD: Duration = Duration::from_secs(30);

    async fn taken(ledger: &dyn Ledger, now: Timestamp) -> bool {
        Checkpoint::read(ledger).await.unwrap().take(ledger, now, HOLD).await.unwrap()
    }

    #[tokio::test]
    async fn a_dead_feed_is_followed_by_the_next_whatever_its_clock_said() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), Durability::Relaxed).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let after = |seconds| now + SignedDuration::from_secs(seconds);
        assert!(taken(&ledger, now).await);
        assert!(!taken(&ledger, after(29)).await, "it is held");
        assert!(taken(&ledger, after(30)).await, "its time is over");
        let mut ahead = Checkpoint::read(&ledger).await.unwrap();
        assert!(ahead.take(&ledger, after(9_000), HOLD).await.unwrap());
        assert!(taken(&ledger, after(31)).await, "nobody holds it for hours");
        assert!(!ahead.save(&ledger).await.unwrap(), "who was ahead has lost it");
    }
}
