//! An event as a row, read back.

use gitledger_events::Record;
use rusqlite::Row;
use uuid::Uuid;

use crate::written::ReadEvent;
use crate::{LedgerError, Position, Recorded};

/// The columns of [`recorded`], in its order, of `events AS e`.
pub const COLUMNS: &str = "e.pos, e.id, e.stream, e.seq, e.type, e.ts, e.meta, e.data";

/// Reads a row of [`COLUMNS`]. A row that is no event is named by its position.
pub fn recorded(row: &Row<'_>) -> Result<Recorded, LedgerError> {
    let position = row.get::<_, i64>(0)?.cast_unsigned();
    let unreadable = |reason: String| LedgerError::Unreadable { position, reason };
    record(row).map(|record| Recorded { position: Position::from_u64(position), record }).map_err(unreadable)
}

fn record(row: &Row<'_>) -> Result<Record, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let id: [u8; 16] = row.get(1).map_err(text)?;
    let stream: String = row.get(2).map_err(text)?;
    let version: i64 = row.get(3).map_err(text)?;
    let event = ReadEvent {
        id: Uuid::from_bytes(id),
        name: row.get(4).map_err(text)?,
        recorded_at_us: row.get(5).map_err(text)?,
        meta: row.get(6).map_err(text)?,
        data: row.get(7).map_err(text)?,
    };
    let stream =
        stream.try_into().map_err(|error: gitledger_events::stream::NotAStream| error.to_string())?;
    event.record(stream, version.cast_unsigned())
}
