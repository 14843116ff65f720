//! The feed: every event as a CloudEvent to a message bus, in order, from where it was left.
//!
//! What is checkpointed was taken by the bus, never the other way round: a crash in between sends again what the bus
//! has, and the bus (NATS) or whoever listens (EventBridge) knows it by the event's id. One feed sends at a time: the
//! checkpoint holds a lease, and on one machine a file's lock does.

use std::time::Duration;

use async_trait::async_trait;
use gitledger_ledger::page::{Next, next_page};
use gitledger_ledger::{Ledger, LedgerError, Position};
use gitledger_sandboxes::World as ClockAndIds;

use checkpoint::Checkpoint;
pub use checkpoint::{KEY, retire, standing};
pub use eventbridge::EventBridge;
pub use letter::Letter;
pub use nats::{Nats, Server as NatsServer};

mod checkpoint;
mod eventbridge;
mod letter;
mod nats;

/// How many events are sent at once.
pub const BATCH: usize = 256;
/// How long somebody who feeds may be silent before another takes over.
const HOLD: Duration = Duration::from_secs(30);

/// Takes events.
#[async_trait]
pub trait Bus: Send {
    /// Makes it ready. What it holds already may be further on than the checkpoint, after a crash: then that place.
    async fn ready(&mut self, ledger: &dyn Ledger, after: Position) -> Result<Position, String>;

    /// Sends letters in this order. How many of the first ones were taken, and what went wrong with the next.
    async fn send(&mut self, letters: &[Letter]) -> (usize, Result<(), String>);
}

/// What came of one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fed {
    /// So many events were taken.
    Events(usize),
    /// There was nothing to send.
    Nothing,
    /// Somebody else feeds.
    Held,
    /// The bus did not take what was next; it is tried again.
    Failed(String),
}

/// A feed to one bus.
pub struct Feed {
    bus: Box<dyn Bus>,
    /// Nobody else feeds from this ledger as long as this program lives.
    alone: bool,
}

impl Feed {
    /// A feed that shares the ledger with others: one of them sends at a time.
    pub fn to(bus: Box<dyn Bus>) -> Self {
        Self { bus, alone: false }
    }

    /// A feed of whoever holds the lock of the data directory: what a predecessor held died with it.
    pub fn alone_to(bus: Box<dyn Bus>) -> Self {
        Self { bus, alone: true }
    }

    /// Sends what comes next, at most [`BATCH`] events.
    pub async fn round(&mut self, ledger: &dyn Ledger, clock: &dyn ClockAndIds) -> Result<Fed, LedgerError> {
        let mut checkpoint = Checkpoint::read(ledger).await?;
        if checkpoint.position() >= ledger.head().await? && !checkpoint.is_retired() {
            return Ok(Fed::Nothing);
        }
        if !self.alone && !checkpoint.take(ledger, clock.now(), HOLD).await? {
            return Ok(Fed::Held);
        }
        let ended = self.send_next(ledger, &mut checkpoint).await?;
        if checkpoint.save(ledger).await? { Ok(ended) } else { Ok(Fed::Held) }
    }

    async fn send_next(
        &mut self,
        ledger: &dyn Ledger,
        checkpoint: &mut Checkpoint,
    ) -> Result<Fed, LedgerError> {
        let from = match self.bus.ready(ledger, checkpoint.position()).await {
            Ok(from) => from.max(checkpoint.position()),
            Err(reason) => return Ok(checkpoint.failed(reason)),
        };
        checkpoint.passed(from);
        let mut letters = Vec::new();
        let mut last = from;
        for next in next_page(ledger, from, BATCH).await? {
            match next {
                Next::Event(recorded) => {
                    last = recorded.position;
                    letters.push(Letter::of(&recorded));
                }
                // It is no CloudEvent and never will be. The others do not wait for it.
                Next::Broken(position, reason) => {
                    tracing::error!(%position, %reason, "event is not fed: it cannot be read");
                    ledger.park(&KEY, position, &reason).await?;
                    last = position;
                }
            }
        }
        if letters.is_empty() {
            checkpoint.passed(last);
            return Ok(Fed::Nothing);
        }
        let (taken, ended) = self.bus.send(&letters).await;
        let fed = if taken == letters.len() {
            last
        } else {
            letters[..taken].last().map_or(from, |letter| letter.position)
        };
        checkpoint.passed(fed);
        Ok(match ended {
            Ok(()) => Fed::Events(taken),
            Err(reason) => checkpoint.failed(reason),
        })
    }

    /// Rounds until there is nothing to send, or something is in the way. How many events were taken.
    pub async fn catch_up(
        &mut self,
        ledger: &dyn Ledger,
        clock: &dyn ClockAndIds,
    ) -> Result<(usize, Fed), LedgerError> {
        let mut all = 0;
        loop {
            match self.round(ledger, clock).await? {
                Fed::Events(count) => all += count,
                ended => return Ok((all, ended)),
            }
        }
    }
}
