//! How far the feed is, and who feeds: one row in the ledger.

use std::time::Duration;

use gitledger_ledger::page::{Next, next_page};
use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey};
use gitledger_projections::metrics::FeedStanding;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Fed;
use crate::held::{Held, Holdable};

/// Under which name and version it is saved, and what cannot be fed is parked.
pub const KEY: ProjectionKey = ProjectionKey { name: "feed", version: 1 };

/// The checkpoint as it was read, or as it was taken.
pub(super) struct Checkpoint(Held<Kept>);

#[derive(Default, Serialize, Deserialize)]
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
    let &Kept { position, failures, retired, .. } = checkpoint.0.kept();
    let told = FeedStanding { position, waits_since: None, failures };
    let at = checkpoint.position();
    if retired || at >= ledger.head().await? {
        return Ok(told);
    }
    let waits_since = match next_page(ledger, at, 1).await?.into_iter().next() {
        Some(Next::Event(recorded)) => Some(recorded.record.recorded_at),
        // What cannot be read is passed over in a moment.
        Some(Next::Broken(..)) | None => None,
    };
    Ok(FeedStanding { waits_since, ..told })
}

/// Says that nobody feeds any more, so that nobody waits for it. The place is kept.
pub async fn retire(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let mut checkpoint = Checkpoint::read(ledger).await?;
    if !checkpoint.is_retired() {
        checkpoint.0.kept_mut().retired = true;
        // Who was quicker feeds.
        checkpoint.0.write(ledger).await?;
    }
    Ok(())
}

impl Holdable for Kept {
    const KEY: ProjectionKey = KEY;

    fn first() -> Self {
        // The first of them is written before anything is sent: there is a feed from now on.
        Self { retired: true, ..Self::default() }
    }

    fn held_until(&self) -> Option<Timestamp> {
        self.held_until
    }

    fn set_held_until(&mut self, until: Option<Timestamp>) {
        self.held_until = until;
    }
}

impl Checkpoint {
    pub(super) async fn read(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        Held::read(ledger).await.map(Self)
    }

    pub(super) fn position(&self) -> Position {
        Position::from_u64(self.0.kept().position)
    }

    pub(super) fn is_retired(&self) -> bool {
        self.0.kept().retired
    }

    /// Takes the lease; false when somebody else has it.
    pub(super) async fn take(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        Ok(!self.0.is_held(now, hold) && self.0.hold(ledger, now, hold).await?)
    }

    /// Everything up to here was taken.
    pub(super) fn passed(&mut self, position: Position) {
        let kept = self.0.kept_mut();
        kept.position = kept.position.max(position.as_u64());
    }

    /// The bus did not take what was next.
    pub(super) fn failed(&mut self, reason: String) -> Fed {
        let kept = self.0.kept_mut();
        kept.failures = kept.failures.saturating_add(1);
        Fed::Failed(reason)
    }

    /// Writes it down and gives the lease back; false when another has it by now.
    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        self.0.kept_mut().retired = false;
        self.0.release(ledger).await
    }
}
