//! Reading, on connections of its own: never behind a writer, and never holding a snapshot for long.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gitledger_events::{Record, Stream};
use rusqlite::{Connection, Row, params};

use super::connection;
use super::row::{COLUMNS, data_bytes, recorded};
use crate::{LedgerError, Position};

/// So many connections are kept open while nobody reads.
const IDLE_MAX: usize = 4;
/// A page ends after so many events, whatever was asked for: an open reader keeps the WAL from being reset.
const PAGE_EVENTS_MAX: usize = 10_000;
/// Room is made at once for so many; most pages are no longer.
const PAGE_EVENTS_EXPECTED: usize = 128;
/// A page also ends after so many bytes of JSON.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Connections that only read.
#[derive(Clone, Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// None is open yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Arc::default() }
    }

    /// Runs a query where it may block.
    pub async fn read<T, W>(&self, work: W) -> Result<T, LedgerError>
    where
        W: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
        T: Send + 'static,
    {
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            let result = work(&connection);
            readers.give_back(connection);
            result
        });
        task.await.map_err(|error| LedgerError::at("a read was cut off", error))?
    }

    fn take(&self) -> Result<Connection, LedgerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connection::reader(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}

/// All events of a stream from a version on: those that are filed, then those of the tail. One statement
/// is one snapshot, so none is missed or doubled when events are filed meanwhile.
pub fn stream(
    connection: &Connection,
    stream: &Stream,
    from_version: u64,
) -> Result<Vec<Record>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}
           FROM streams AS s CROSS JOIN json_each(s.positions) AS p CROSS JOIN events AS e ON e.pos = p.value
           WHERE s.stream = ?1 AND e.seq >= ?2
             AND s.seq >= ifnull((SELECT max(seq) FROM streams WHERE stream = ?1 AND seq <= ?2), 0)
         UNION ALL
         SELECT {COLUMNS} FROM events AS e
           WHERE e.pos > (SELECT pos FROM filed) AND e.stream = ?1 AND e.seq >= ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![stream.as_str(), number(from_version)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(recorded(row)?.record);
    }
    // They come in order, but the engine promises none; on what is in order it costs next to nothing.
    records.sort_by_key(|record: &Record| record.version);
    Ok(records)
}

/// The next page after a position, each row read by `read`.
pub fn page<T>(
    connection: &Connection,
    after: Position,
    limit: usize,
    read: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM events AS e WHERE e.pos > ?1 ORDER BY e.pos LIMIT ?2");
    let limit = i64::try_from(limit.min(PAGE_EVENTS_MAX)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![number(after.as_u64()), limit])?;
    let mut page = Vec::with_capacity(usize::try_from(limit).unwrap_or(0).min(PAGE_EVENTS_EXPECTED));
    let mut bytes = 0;
    while bytes < PAGE_BYTES_MAX
        && let Some(row) = rows.next()?
    {
        bytes += data_bytes(row);
        page.push(read(row)?);
    }
    Ok(page)
}

/// The newest position.
pub fn head(connection: &Connection) -> Result<Position, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT max(pos) FROM events")?;
    let newest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(Position::from_u64(newest.unwrap_or(0).cast_unsigned()))
}

/// The engine's numbers are signed; beyond them there is nothing to find.
pub fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
