//! Reading the whole ledger fast: rows lent out as they lie in the engine's pages, nothing copied, nothing parsed.
//!
//! For replays, which go over everything. Whoever wants events takes [`Ledger::read_all`](crate::Ledger::read_all).

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::connection;
use super::reader::{head, number};
use crate::{LedgerError, Position};

/// So many rows are read in one snapshot: an open reader keeps the WAL from being reset.
const SNAPSHOT_ROWS: u32 = 50_000;

/// So much of the file is mapped; what is beyond is read as ever.
const MAPPED_BYTES_MAX: u32 = 2_000_000_000;

/// A row of the ledger, lent for the length of one call.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'a> {
    /// Its place in the ledger.
    pub position: u64,
    /// The stream's name.
    pub stream: &'a str,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// The event type.
    pub name: &'a str,
    /// Microseconds since 1970.
    pub at: i64,
    /// The envelope's rest, as JSON.
    pub meta: &'a str,
    /// The fact, as JSON.
    pub data: &'a str,
}

/// A ledger's file, opened to be read from end to end. Blocks; changes nothing, and needs no writer.
#[derive(Debug)]
pub struct Scanner {
    connection: Connection,
}

impl Scanner {
    /// Opens the file, which must be a ledger.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        connection::check_engine()?;
        let connection = connection::reader(path)?;
        // Pages are read where the system has them, not copied: whoever goes over all of them gains by that. The
        // file only ever grows.
        connection.execute_batch(&format!("PRAGMA mmap_size = {MAPPED_BYTES_MAX};"))?;
        Ok(Self { connection })
    }

    /// The newest position.
    pub fn head(&self) -> Result<Position, LedgerError> {
        head(&self.connection)
    }

    /// The id of the event at a position.
    pub fn id_at(&self, position: Position) -> Result<Option<[u8; 16]>, LedgerError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM events WHERE pos = ?1")?;
        Ok(statement.query_row([number(position.as_u64())], |row| row.get(0)).optional()?)
    }

    /// Lends every row after a position, in order, until the end or until it is told to break.
    pub fn after(
        &self,
        after: Position,
        mut take: impl FnMut(Lent<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let sql = "SELECT pos, stream, seq, type, ts, meta, data FROM events WHERE pos > ?1
                   ORDER BY pos LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut last = after.as_u64();
        loop {
            let mut rows = statement.query(params![number(last), SNAPSHOT_ROWS])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let lent = lend(row)?;
                (last, count) = (lent.position, count + 1);
                if take(lent).is_break() {
                    return Ok(());
                }
            }
            if count < SNAPSHOT_ROWS {
                return Ok(());
            }
        }
    }
}

fn lend<'a>(row: &'a Row<'_>) -> Result<Lent<'a>, LedgerError> {
    let position = row.get_ref(0)?.as_i64().map_err(|_| not_an_event(0, "position"))?.cast_unsigned();
    let text = |column: usize, what: &str| {
        let value = row.get_ref(column)?;
        value.as_str().map_err(|_| not_an_event(position, what))
    };
    let whole = |column: usize, what: &str| {
        let value = row.get_ref(column)?;
        value.as_i64().map_err(|_| not_an_event(position, what))
    };
    Ok(Lent {
        position,
        stream: text(1, "stream")?,
        version: whole(2, "version")?.cast_unsigned(),
        name: text(3, "type")?,
        at: whole(4, "time")?,
        meta: text(5, "envelope")?,
        data: text(6, "data")?,
    })
}

fn not_an_event(position: u64, what: &str) -> LedgerError {
    LedgerError::Unreadable { position, reason: format!("its {what} is of another kind") }
}
