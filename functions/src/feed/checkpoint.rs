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

    /// Takes the lease; false when somebody else has it.
    pub(super) async fn take(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        if self.kept.held_until.is_some_and(|until| now < until) {
            return Ok(false);
        }
        let hold = SignedDuration::try_from(hold).unwrap_or(SignedDuration::MAX);
        self.kept.held_until = Some(now.saturating_add(hold).unwrap_or(Timestamp::MAX));
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
