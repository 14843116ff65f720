//! One commit inside a transaction: look, decide, insert.

use rusqlite::{Connection, OptionalExtension, params};

use super::row::CommitRows;
use super::schema::EARLY_VERSIONS;
use crate::{AppendError, Appended, Expected, LedgerError, Position};

const VERSION: &str = "SELECT max(seq) FROM events INDEXED BY streams WHERE stream = ?1";
// `16` is EARLY_VERSIONS, written out: the planner must see the very condition of the partial index.
const EARLY_COMMIT: &str = "SELECT seq, pos FROM events INDEXED BY streams
  WHERE stream = ?1 AND seq <= 16 AND commit_id = ?2 ORDER BY seq DESC LIMIT 1";
const LATE_COMMIT: &str = "SELECT seq, pos FROM events INDEXED BY late_commits
  WHERE stream = ?1 AND commit_id = ?2 AND seq > 16 ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO events (id, commit_id, stream, seq, type, ts, meta, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Appends, repeats or refuses. The caller has the write lock; nothing is written on a refusal.
pub fn append(connection: &Connection, commit: &CommitRows) -> Result<Appended, AppendError> {
    let version = version_of(connection, commit.stream.as_str())?;
    // Asked also when the version is as expected: a caller that lost the reply may have read the stream
    // again before it tries again.
    if let Some(first) = earlier(connection, commit, version)? {
        return Ok(first);
    }
    let as_expected = match commit.expected {
        Expected::Empty => version == 0,
        Expected::Version(expected) => version == expected,
        Expected::Any => true,
    };
    if as_expected {
        insert(connection, commit, version)
    } else {
        Err(AppendError::Conflict { actual: version })
    }
}

fn version_of(connection: &Connection, stream: &str) -> Result<u64, LedgerError> {
    let newest: Option<i64> = connection.prepare_cached(VERSION)?.query_row([stream], |row| row.get(0))?;
    Ok(newest.unwrap_or(0).cast_unsigned())
}

/// What this commit gave when it was appended before. A commit that begins among the early versions and
/// ends among the late ones is found by its end.
fn earlier(
    connection: &Connection,
    commit: &CommitRows,
    version: u64,
) -> Result<Option<Appended>, LedgerError> {
    if version > EARLY_VERSIONS
        && let Some(first) = last_event_of(connection, LATE_COMMIT, commit)?
    {
        return Ok(Some(first));
    }
    if version == 0 { Ok(None) } else { last_event_of(connection, EARLY_COMMIT, commit) }
}

fn last_event_of(
    connection: &Connection,
    sql: &str,
    commit: &CommitRows,
) -> Result<Option<Appended>, LedgerError> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![commit.stream.as_str(), commit.id.as_bytes()], |row| {
        Ok(Appended {
            version: row.get::<_, i64>(0)?.cast_unsigned(),
            position: Position::from_u64(row.get::<_, i64>(1)?.cast_unsigned()),
            repeated: true,
        })
    });
    Ok(found.optional()?)
}

fn insert(connection: &Connection, commit: &CommitRows, mut version: u64) -> Result<Appended, AppendError> {
    let mut statement = connection.prepare_cached(INSERT)?;
    for event in &commit.events {
        version += 1;
        statement.execute(params![
            event.id.as_bytes(),
            commit.id.as_bytes(),
            commit.stream.as_str(),
            version.cast_signed(),
            event.name,
            event.recorded_at_us,
            event.meta,
            event.data.get(),
        ])?;
    }
    let position = Position::from_u64(connection.last_insert_rowid().cast_unsigned());
    Ok(Appended { version, position, repeated: false })
}
