//! Saved projections and parked events.

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::number;
use crate::{LedgerError, ParkedEvent, Position, ProjectionKey, SavedProjection};

/// What is saved.
pub fn load(connection: &Connection, key: &ProjectionKey) -> Result<Option<SavedProjection>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT pos, state FROM projections WHERE name = ?1 AND version = ?2")?;
    let saved = statement.query_row(params![key.name, key.version], |row| {
        let position = Position::from_u64(row.get::<_, i64>(0)?.cast_unsigned());
        Ok(SavedProjection { position, state: row.get(1)? })
    });
    Ok(saved.optional()?)
}

/// Compares and sets. False: another was there first.
pub fn save(
    connection: &Connection,
    key: &ProjectionKey,
    expected: Position,
    saved: &SavedProjection,
) -> Result<bool, LedgerError> {
    let sql = if expected == Position::START {
        "INSERT INTO projections (name, version, pos, state) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name, version) DO UPDATE SET pos = ?3, state = ?4 WHERE pos = ?5"
    } else {
        "UPDATE projections SET pos = ?3, state = ?4 WHERE name = ?1 AND version = ?2 AND pos = ?5"
    };
    let changed = connection.prepare_cached(sql)?.execute(params![
        key.name,
        key.version,
        number(saved.position.as_u64()),
        saved.state,
        number(expected.as_u64()),
    ])?;
    Ok(changed == 1)
}

/// Puts aside, once; the first reason stays.
pub fn park(
    connection: &Connection,
    key: &ProjectionKey,
    position: Position,
    reason: &str,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO parked (name, version, pos, reason) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    statement.execute(params![key.name, key.version, number(position.as_u64()), reason])?;
    Ok(())
}

/// What is put aside.
pub fn parked(connection: &Connection, key: &ProjectionKey) -> Result<Vec<ParkedEvent>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT pos, reason FROM parked WHERE name = ?1 AND version = ?2 ORDER BY pos")?;
    let rows = statement.query_map(params![key.name, key.version], |row| {
        let position = Position::from_u64(row.get::<_, i64>(0)?.cast_unsigned());
        Ok(ParkedEvent { position, reason: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
