//! The ledger on SQLite: one file on one machine, shared by several processes.
//!
//! One write lock; a position is assigned under it and becomes visible at the commit, so the order of
//! positions, of commits and of what readers see is the same, and every snapshot is a prefix.
//!
//! Beside the file `x.db` lie `x.db-wal`, `x.db-shm` (the engine's) and `x.db.lock` (ours).
//! Deliberately absent: deletion, and network file systems.

mod append;
mod batch;
mod books;
mod connection;
mod failure;
mod lock;
mod place;
mod projections;
mod reader;
mod row;
mod scan;
mod schema;
mod tail;
mod watcher;
mod writer;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use gitledger_events::{Record, Stream};

pub use self::scan::{Lent, Scanner};

use self::lock::ProcessLock;
use self::reader::Readers;
use self::watcher::Watcher;
use self::writer::Writer;
use crate::written::WrittenCommit;
use crate::{
    AppendError, Appended, Commit, Decoded, Ledger, LedgerError, ParkedEvent, Position, ProjectionKey,
    Recorded, SavedProjection,
};

/// Decoded events are some kilobytes each: more of them than this at once are out of the processor's cache, and their
/// room given back to the system, before they are folded.
const FOLDED_AT_ONCE: usize = 128;

/// What an acknowledged append survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Power loss, if the disk keeps its word.
    #[default]
    Full,
    /// The death of the process, but not power loss: the last commits may be gone, and what is left is
    /// still whole. For tests and simulations.
    Relaxed,
}

/// A ledger in one file. Several processes may have it open.
///
/// Dropping it answers what waits and then stops its two threads.
#[derive(Debug)]
pub struct SqliteLedger {
    writer: Writer,
    readers: Readers,
    watcher: Watcher,
}

impl SqliteLedger {
    /// Opens a ledger, or makes it. Its folder must exist. Blocks, so call it before serving.
    ///
    /// Fails on a file that is not a ledger or is of a newer program, and on a network file system.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, LedgerError> {
        connection::check_engine()?;
        place::check_local(path)?;
        let lock = ProcessLock::open(path)?;
        let turn = lock.wait()?;
        let connection = connection::writer(path, durability)?;
        schema::prepare(&connection)?;
        place::flush_inheritance(path)?;
        drop(turn);
        let writer = Writer::start(connection, lock)?;
        Ok(Self { writer, readers: Readers::new(path), watcher: Watcher::start(path)? })
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        let appended = self.writer.append(WrittenCommit::new(commit)?).await?;
        if let Some(position) = appended.position {
            self.watcher.announce(position);
        }
        Ok(appended)
    }

    async fn read_stream(&self, stream: &Stream, from_version: u64) -> Result<Vec<Record>, LedgerError> {
        let stream = stream.clone();
        self.readers.read(move |connection| reader::stream(connection, &stream, from_version)).await
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LedgerError> {
        self.readers.read(move |connection| reader::page(connection, after, limit, row::recorded)).await
    }

    async fn read_events(&self, after: Position, limit: usize) -> Result<Vec<Decoded>, LedgerError> {
        let limit = limit.min(FOLDED_AT_ONCE);
        self.readers.read(move |connection| reader::page(connection, after, limit, row::decoded)).await
    }

    async fn head(&self) -> Result<Position, LedgerError> {
        self.readers.read(reader::head).await
    }

    async fn wait(&self, after: Position, at_most: Duration) -> Result<bool, LedgerError> {
        Ok(self.watcher.wait(after, at_most).await || self.head().await? > after)
    }

    async fn load_projection(&self, key: &ProjectionKey) -> Result<Option<SavedProjection>, LedgerError> {
        let key = key.clone();
        self.readers.read(move |connection| projections::load(connection, &key)).await
    }

    async fn save_projection(
        &self,
        key: &ProjectionKey,
        expected: Position,
        saved: SavedProjection,
    ) -> Result<bool, LedgerError> {
        let key = key.clone();
        self.writer.write(move |connection| projections::save(connection, &key, expected, &saved)).await
    }

    async fn park(&self, key: &ProjectionKey, position: Position, reason: &str) -> Result<(), LedgerError> {
        let (key, reason) = (key.clone(), reason.to_owned());
        self.writer.write(move |connection| projections::park(connection, &key, position, &reason)).await
    }

    async fn parked(&self, key: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError> {
        let key = key.clone();
        self.readers.read(move |connection| projections::parked(connection, &key)).await
    }
}
