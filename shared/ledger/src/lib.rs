//! Door 1, the ledger: append, read, follow. The only truth.
//!
//! [`Ledger`] is the promise; `sqlite::SqliteLedger` keeps it on one machine (feature `sqlite`, on by default),
//! `dynamo::DynamoLedger` in AWS (feature `dynamodb`). [`contract`] is the promise as tests, the same for every engine.
//!
//! Invariants: events are never changed or removed; a position is assigned inside the serialised
//! commit, so no reader ever sees a gap that is filled later; a commit is acknowledged only when durable;
//! nothing in here understands the facts it keeps.

pub mod append;
pub mod contract;
#[cfg(feature = "dynamodb")]
pub mod dynamo;
pub mod error;
pub mod page;
pub mod position;
pub mod projection;
#[cfg(feature = "sqlite")]
pub mod sqlite;
// Without an engine nothing is written.
#[cfg_attr(not(any(feature = "sqlite", feature = "dynamodb")), allow(dead_code))]
mod written;

use std::time::Duration;

use async_trait::async_trait;
use gitledger_events::{Record, Stream};

pub use append::{Appended, Commit, Expected};
pub use error::{AppendError, LedgerError};
pub use page::Decoded;
pub use position::{Position, Recorded};
pub use projection::{ParkedEvent, ProjectionKey, SavedProjection};

/// What every ledger promises.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Appends all events of a commit to one stream, or none of them. Durable when it returns.
    ///
    /// Idempotent by [`Commit::id`] within the stream: a repeat returns the first result
    /// ([`Appended::repeated`]), whatever has been appended since.
    async fn append(&self, commit: Commit) -> Result<Appended, AppendError>;

    /// The events of one stream from a version on (1 is the first), in order, all of them.
    async fn read_stream(&self, stream: &Stream, from_version: u64) -> Result<Vec<Record>, LedgerError>;

    /// At most `limit` events after a position, in the order of the whole ledger. An empty answer means
    /// the end, for now.
    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LedgerError>;

    /// The same page decoded, for whoever folds it. What cannot be read holds nobody up: it stands at its place with
    /// the reason, and those after it follow.
    async fn read_events(&self, after: Position, limit: usize) -> Result<Vec<Decoded>, LedgerError> {
        let page = page::next_page(self, after, limit).await?;
        Ok(page.into_iter().map(Decoded::from).collect())
    }

    /// The position of the newest event.
    async fn head(&self) -> Result<Position, LedgerError>;

    /// Returns as soon as there is an event after `after` (within 100 ms of its append on one machine),
    /// or when the time is over. Says whether there is one.
    async fn wait(&self, after: Position, at_most: Duration) -> Result<bool, LedgerError>;

    /// The saved state of a projection, with the position up to which it has folded.
    async fn load_projection(&self, key: &ProjectionKey) -> Result<Option<SavedProjection>, LedgerError>;

    /// Saves state and position in one write, if the saved position is still `expected` (`START` when
    /// nothing is saved yet). `Ok(false)`: another projector was there first, and nothing was written.
    async fn save_projection(
        &self,
        key: &ProjectionKey,
        expected: Position,
        saved: SavedProjection,
    ) -> Result<bool, LedgerError>;

    /// Puts an event that a projection cannot fold aside, with the reason. Idempotent.
    async fn park(&self, key: &ProjectionKey, position: Position, reason: &str) -> Result<(), LedgerError>;

    /// What is parked for a projection, in order.
    async fn parked(&self, key: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError>;
}
