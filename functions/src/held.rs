//! A row of the ledger that one holder at a time may change: how far something is, and who is at it.
//!
//! Every change is a compare-and-set on the row's epoch, so whoever was overtaken finds out at his next one. The lease
//! only keeps others from trying meanwhile.

use std::time::Duration;

use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::World;

/// How soon it is looked again whether a row is free, and how often at last: each look is a request.
const LOOK_FIRST: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(320);

/// What such a row says.
pub(crate) trait Holdable: Serialize + DeserializeOwned {
    /// Under which name and version it is saved.
    const KEY: ProjectionKey;

    /// What is said before anybody has written.
    fn first() -> Self;

    /// Somebody is at it until then, unless they say more. In the row itself, not around it: serde cannot flatten the
    /// wide numbers that some rows have.
    fn held_until(&self) -> Option<Timestamp>;

    /// `None`: nobody is at it any more.
    fn set_held_until(&mut self, until: Option<Timestamp>);
}

/// The row as it was read, or as it was written.
pub(crate) struct Held<T> {
    epoch: u64,
    kept: T,
}

impl<T: Holdable> Held<T> {
    pub(crate) async fn read(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let Some(saved) = ledger.load_projection(&T::KEY).await? else {
            return Ok(Self { epoch: 0, kept: T::first() });
        };
        let kept = serde_json::from_slice(&saved.state).map_err(|error| {
            LedgerError::Engine(format!("the {}'s saved state is unreadable: {error}", T::KEY.name))
        })?;
        Ok(Self { epoch: saved.position.as_u64(), kept })
    }

    /// The row when nobody holds it. A holder that does not let go is dead after `hold`, whatever his clock says.
    pub(crate) async fn free(world: &World, hold: Duration) -> Result<Self, LedgerError> {
        let (mut seen, mut since) = (None, Instant::now());
        let mut pause = LOOK_FIRST;
        loop {
            let row = Self::read(world.ledger.as_ref()).await?;
            if seen.replace(row.epoch) != Some(row.epoch) {
                (since, pause) = (Instant::now(), LOOK_FIRST);
            }
            if !row.is_held(world.clock.now(), hold) || since.elapsed() > hold {
                return Ok(row);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_EVERY);
        }
    }

    /// How often it was changed; 0: it is not there yet.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The epoch that the next change makes.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.saturating_add(1)
    }

    pub(crate) fn kept(&self) -> &T {
        &self.kept
    }

    pub(crate) fn kept_mut(&mut self) -> &mut T {
        &mut self.kept
    }

    /// Whether somebody who holds it for `hold` at a time is at it. What is held until more than twice that was said
    /// by a clock that is wrong, and would keep everybody out until then.
    pub(crate) fn is_held(&self, now: Timestamp, hold: Duration) -> bool {
        self.kept.held_until().is_some_and(|until| now < until && !is_too_far_ahead(until, now, hold))
    }

    /// Writes it and holds it for so long from now on; false when another has changed it.
    pub(crate) async fn hold(
        &mut self,
        ledger: &dyn Ledger,
        now: Timestamp,
        hold: Duration,
    ) -> Result<bool, LedgerError> {
        self.kept.set_held_until(Some(after(now, hold)));
        self.write(ledger).await
    }

    /// Writes it and gives it back; false when another has changed it.
    pub(crate) async fn release(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        self.kept.set_held_until(None);
        self.write(ledger).await
    }

    /// Writes it, held as it was; false when another has changed it.
    pub(crate) async fn write(&mut self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        let state = serde_json::to_vec(&self.kept).map_err(|error| LedgerError::Engine(error.to_string()))?;
        let (before, next) = (Position::from_u64(self.epoch), Position::from_u64(self.next_epoch()));
        let stood =
            ledger.save_projection(&T::KEY, before, SavedProjection { position: next, state }).await?;
        if stood {
            self.epoch = next.as_u64();
        }
        Ok(stood)
    }
}

/// Whether only a clock that is wrong can have said that: further ahead than twice what one who holds it takes.
pub(crate) fn is_too_far_ahead(said: Timestamp, now: Timestamp, hold: Duration) -> bool {
    said > after(now, hold.saturating_mul(2))
}

fn after(now: Timestamp, hold: Duration) -> Timestamp {
    let hold = SignedDuration::try_from(hold).unwrap_or(SignedDuration::MAX);
    now.saturating_add(hold).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use gitledger_ledger::sqlite::{Durability, SqliteLedger};

    use serde::Deserialize;

    use super::*;

    const HOLD: Duration = Duration::from_secs(30);
    #[derive(Default, Serialize, Deserialize)]
    struct Kept {
        place: u64,
        held_until: Option<Timestamp>,
    }

    impl Holdable for Kept {
        const KEY: ProjectionKey = ProjectionKey { name: "held", version: 1 };

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

    async fn read(ledger: &dyn Ledger) -> Held<Kept> {
        Held::read(ledger).await.unwrap()
    }

    /// Who comes at this time and holds it, if it is free.
    async fn taken(ledger: &dyn Ledger, now: Timestamp) -> bool {
        let mut row = read(ledger).await;
        !row.is_held(now, HOLD) && row.hold(ledger, now, HOLD).await.unwrap()
    }

    #[tokio::test]
    async fn a_dead_holder_is_followed_by_the_next_whatever_his_clock_said() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), Durability::Relaxed).unwrap();
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert!(taken(&ledger, at(0)).await);
        assert!(!taken(&ledger, at(29)).await, "it is held");
        assert!(!taken(&ledger, at(-5)).await, "a clock may be a little behind");
        assert!(taken(&ledger, at(30)).await, "its time is over");
        let mut ahead = read(&ledger).await;
        ahead.kept_mut().place = 7;
        assert!(ahead.hold(&ledger, at(9_000), HOLD).await.unwrap());
        assert!(taken(&ledger, at(31)).await, "nobody holds it for hours");
        assert!(!ahead.release(&ledger).await.unwrap(), "who was ahead has lost it");
        assert_eq!(read(&ledger).await.kept().place, 7, "what he had written is there");
    }
}
