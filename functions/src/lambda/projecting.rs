//! The function `projector`: one of them at a time, by a lease that is a row of its own.
//!
//! The lease only saves work: of two that fold the same events, one folds for nothing. What keeps one that fell asleep
//! from overwriting a newer state is the condition of its save, so a lease that is lost does no harm. Not in the
//! item of the state, which is up to 380 KB: a change of an item costs by the whole of it.

use std::time::Duration;

use gitledger_ledger::{LedgerError, Position, ProjectionKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::World;
use crate::held::{Held, Holdable};

/// Whoever takes longer is perhaps dead; the next one folds too.
const HOLD: Duration = Duration::from_secs(10);

#[derive(Default, Serialize, Deserialize)]
struct Lease {
    /// Somebody projects until then.
    held_until: Option<Timestamp>,
}

impl Holdable for Lease {
    const KEY: ProjectionKey = ProjectionKey { name: "projector", version: 1 };

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

/// Folds what is new, saves it, and says up to where that is, and how many events are parked. Waits for whoever is at
/// it: what woke this one may be newer than all that he has read.
pub(super) async fn project(world: &World) -> Result<(Position, usize), LedgerError> {
    let ledger = world.ledger.as_ref();
    let mut lease = loop {
        let mut lease = Held::<Lease>::free(world, HOLD).await?;
        if lease.hold(ledger, world.clock.now(), HOLD).await? {
            break lease;
        }
    };
    let projected = save(world).await;
    // Whether another has it by now is his concern.
    if let Err(error) = lease.release(ledger).await {
        tracing::warn!(%error, "the lease was not given back; the next one waits until it is over");
    }
    projected
}

async fn save(world: &World) -> Result<(Position, usize), LedgerError> {
    // Each time another has got further in between, so that this ends.
    while !world.projector.save().await? {}
    world.spending.save().await?;
    let folded = world.projector.caught_up().await?;
    Ok((folded.position, folded.skipped.len()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gitledger_ledger::Ledger;
    use gitledger_ledger::sqlite::{Durability, SqliteLedger};
    use gitledger_sandboxes::{Endpoint, Sandboxes, Secret, SystemWorld};

    use super::*;
    use crate::Settings;

    async fn world(ledger: Arc<dyn Ledger>) -> Arc<World> {
        let endpoint = Endpoint::at("http://127.0.0.1:9", Secret::new(String::new()));
        let clock = Arc::new(SystemWorld);
        let sandboxes = Arc::new(Sandboxes::new(ledger.clone(), endpoint, clock.clone()).unwrap());
        let settings = Settings::read(&|_| None).unwrap();
        Arc::new(World::new(ledger, sandboxes, clock, settings, None).await.unwrap())
    }

    #[tokio::test]
    async fn who_comes_while_another_projects_waits_for_him_and_not_for_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db"), Durability::Relaxed).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(ledger);
        let world = world(ledger.clone()).await;
        assert_eq!(project(&world).await.unwrap(), (Position::START, 0));
        let mut other = Held::<Lease>::read(ledger.as_ref()).await.unwrap();
        assert!(other.hold(ledger.as_ref(), Timestamp::now(), HOLD).await.unwrap(), "it was given back");
        let projecting = tokio::spawn({
            let world = world.clone();
            async move { project(&world).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!projecting.is_finished());
        // As he left it who died when he began, a while ago.
        let long_ago = Timestamp::now() - jiff::SignedDuration::from_mins(1);
        assert!(other.hold(ledger.as_ref(), long_ago, HOLD).await.unwrap());
        assert_eq!(projecting.await.unwrap(), (Position::START, 0));
        assert!(!other.release(ledger.as_ref()).await.unwrap(), "the next one has taken it");
    }
}
