//! An event as a row, read back: borrowed from the engine's page until it is a record or an event.

use gitledger_events::Stream;
use rusqlite::Row;
use rusqlite::types::FromSqlError;
use uuid::Uuid;

use crate::written::ReadEvent;
use crate::{Decoded, LedgerError, Position, Recorded};

/// The columns of a row here, in its order, of `events AS e`.
pub const COLUMNS: &str = "e.pos, e.id, e.stream, e.seq, e.type, e.ts, e.meta, e.data";

/// Reads a row of [`COLUMNS`]. A row that is no event is named by its position.
pub fn recorded(row: &Row<'_>) -> Result<Recorded, LedgerError> {
    let position = position(row)?;
    let unreadable = |reason| LedgerError::Unreadable { position: position.as_u64(), reason };
    let record = parts(row).and_then(|(stream, version, parts)| parts.record(stream, version));
    Ok(Recorded { position, record: record.map_err(unreadable)? })
}

/// Reads a row of [`COLUMNS`] as what happened.
pub fn decoded(row: &Row<'_>) -> Result<Decoded, LedgerError> {
    let position = position(row)?;
    let event = parts(row).and_then(|(stream, version, parts)| parts.event(stream, version));
    Ok(Decoded { position, event })
}

/// How many bytes of JSON its fact is.
pub fn data_bytes(row: &Row<'_>) -> usize {
    row.get_ref(7).ok().and_then(|data| data.as_bytes().ok()).map_or(0, <[u8]>::len)
}

fn position(row: &Row<'_>) -> Result<Position, LedgerError> {
    Ok(Position::from_u64(row.get::<_, i64>(0)?.cast_unsigned()))
}

fn parts<'a>(row: &'a Row<'_>) -> Result<(Stream, u64, ReadEvent<'a>), String> {
    let column = |index| row.get_ref(index).map_err(|error| error.to_string());
    let wrong = |error: FromSqlError| error.to_string();
    let text = |index| column(index)?.as_str().map_err(wrong);
    let whole = |index| column(index)?.as_i64().map_err(wrong);
    let id = Uuid::from_slice(column(1)?.as_blob().map_err(wrong)?).map_err(|error| error.to_string())?;
    let stream = text(2)?.parse().map_err(|error: gitledger_events::stream::NotAStream| error.to_string())?;
    let parts = ReadEvent { id, name: text(4)?, recorded_at_us: whole(5)?, meta: text(6)?, data: text(7)? };
    Ok((stream, whole(3)?.cast_unsigned(), parts))
}
