//! One commit inside a transaction: look, decide, insert.

use rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
use rusqlite::{Connection, OptionalExtension, params};

use super::row::CommitRows;
use super::schema::EARLY_VERSIONS;
use crate::{AppendError, Appended, Expected, LedgerError, Position};

const NEWEST: &str = "SELECT seq, pos, commit_id FROM events INDEXED BY streams
  WHERE stream = ?1 ORDER BY seq DESC LIMIT 1";
// `16` is EARLY_VERSIONS, written out: the planner must see the very condition of the partial index.
const EARLY_COMMIT: &str = "SELECT seq, pos FROM events INDEXED BY streams
  WHERE stream = ?1 AND seq <= 16 AND commit_id = ?2 ORDER BY seq DESC LIMIT 1";
const LATE_COMMIT: &str = "SELECT seq, pos FROM events INDEXED BY late_commits
  WHERE stream = ?1 AND commit_id = ?2 AND seq > 16 ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO events (id, commit_id, stream, seq, type, ts, meta, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Appends, repeats or refuses. The caller has the write lock; nothing is written on a refusal.
pub fn append(connection: &Connection, commit: &CommitRows) -> Result<Appended, AppendError> {
    // A new stream is the most usual case, and the unique index asks the question anyway.
    if commit.expected == Expected::Empty {
        match insert(connection, commit, 0) {
            Err(error) if is_taken(&error) => {}
            inserted => return inserted.map_err(Into::into),
        }
    }
    let newest = newest(connection, commit)?;
    let version = newest.map_or(0, |newest| newest.version);
    if let Some(first) = newest.filter(|newest| newest.repeated) {
        return Ok(first);
    }
    // A version that is as expected was not yet known to whoever made this commit the first time, and the
    // newest commit is another: so it is not a repeat. In all other cases it may be one.
    if matches!(commit.expected, Expected::Version(expected) if expected == version) {
        return Ok(insert(connection, commit, version)?);
    }
    match earlier(connection, commit, version)? {
        Some(first) => Ok(first),
        None if commit.expected == Expected::Any => Ok(insert(connection, commit, version)?),
        None => Err(AppendError::Conflict { actual: version }),
    }
}

/// The place (stream, version) has an event.
fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_UNIQUE)
}

/// The end of the stream; `repeated` when it is this very commit's.
fn newest(connection: &Connection, commit: &CommitRows) -> Result<Option<Appended>, LedgerError> {
    let mut statement = connection.prepare_cached(NEWEST)?;
    let found = statement.query_row([commit.stream.as_str()], |row| {
        Ok(Appended {
            version: row.get::<_, i64>(0)?.cast_unsigned(),
            position: Position::from_u64(row.get::<_, i64>(1)?.cast_unsigned()),
            repeated: row.get_ref(2)?.as_blob()? == commit.id.as_bytes(),
        })
    });
    Ok(found.optional()?)
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

fn insert(connection: &Connection, commit: &CommitRows, mut version: u64) -> rusqlite::Result<Appended> {
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
